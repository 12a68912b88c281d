import Glibc

/// Whether there is a client whom the server could be asked about: a filter may open the plugin for
/// itself, and newer servers print an error where one asks about nobody.
///
/// A client is met by the thread that opens the plugin for it. Where that has met none, the opening is a
/// filter's.
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

  /// Whether nothing is known against asking.
  static var mayBeAskedAbout: Bool { mark != .absent }

  /// Opens the plugin for the client that this thread has met, or for nobody.
  static func opening<Answer>(_ body: () throws -> Answer) rethrows -> Answer {
    guard mark == nil, key != nil else { return try body() }
    mark = .absent
    defer { mark = nil }
    return try body()
  }
}
