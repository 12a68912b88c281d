import Glibc

/// Whether there is a client that the server can be asked about. A filter may open the plugin for
/// itself, and newer servers print an error if they are asked about a client when there is none.
///
/// A client is met by the thread that opens the plugin for it. If that thread has met no client, it
/// is a filter that opens the plugin.
package enum ClientAtHand {
  private enum Mark: Int {
    case met = 1
    case absent = 2
  }

  /// Each thread's mark.
  private static let key: pthread_key_t? = {
    var key = pthread_key_t()
    return pthread_key_create(&key, nil) == 0 ? key : nil
  }()

  private static var mark: Mark? {
    get { key.flatMap { Mark(rawValue: Int(bitPattern: pthread_getspecific($0))) } }
    set {
      guard let key else { return }
      pthread_setspecific(key, UnsafeRawPointer(bitPattern: newValue?.rawValue ?? 0))
    }
  }

  /// A client has come to this thread.
  package static func meet() { mark = .met }

  /// Whether the server may be asked: it may, unless it is known that there is no client.
  static var mayBeAskedAbout: Bool { mark != .absent }

  /// Opens the plugin for the client that this thread has met, or for no client.
  static func opening<Answer>(_ body: () throws -> Answer) rethrows -> Answer {
    guard mark == nil, key != nil else { return try body() }
    mark = .absent
    defer { mark = nil }
    return try body()
  }
}
