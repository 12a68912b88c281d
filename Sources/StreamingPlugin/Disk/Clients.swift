import Glibc
import NBDKit
import Synchronization
import SystemPackage

/// Whoever is connected, and whether more are let in: kept beside the stream, whose lock a request may
/// hold for as long as the reader or writer lets it wait.
final class Clients: Sendable {
  /// One connection, told from all others of this process.
  struct ID: Hashable, Sendable {
    fileprivate let number: UInt64
  }

  /// Whether anybody is still connected when the server has stopped.
  enum Presence: Sendable {
    /// nbdkit saw all connections end.
    case left
    /// nbdkit had not seen all of them end when it stopped. Their processes are gone, or not known, as
    /// over TCP or from another PID namespace; but a connection outlives the process that made it if
    /// that one has forked.
    case unknown
    /// A process that made a connection lives, and nbdkit did not see that end.
    case connected
  }

  private struct Connected: Sendable {
    /// With the process that made the connection where it is known.
    var processes: [ID: Int32?] = [:]
    var count: UInt64 = 0
  }

  private let connected = Mutex(Connected())
  private let isRefusing = Atomic<Bool>(false)

  func add(process: Int32?) -> ID {
    connected.withLock {
      $0.count += 1
      let client = ID(number: $0.count)
      $0.processes[client] = .some(process)
      return client
    }
  }

  /// nbdkit saw the connection end. It does not once it stops, not even of one whose client left a
  /// moment before.
  func remove(_ client: ID) {
    connected.withLock { _ = $0.processes.removeValue(forKey: client) }
  }

  /// Refuses every client from now on.
  func refuseAll() {
    isRefusing.store(true, ordering: .relaxed)
  }

  /// - Throws: `EIO` once the stream has failed.
  func checkAccepting() throws(PluginError) {
    guard !isRefusing.load(ordering: .relaxed) else {
      throw PluginError(.ioError, "refused: the stream has failed: start nbdkit again")
    }
  }

  /// To be asked once the server has stopped.
  var presence: Presence {
    connected.withLock { connected in
      guard !connected.processes.isEmpty else { return .left }
      return connected.processes.values.contains { $0.map(lives) ?? false } ? .connected : .unknown
    }
  }

  private func lives(_ process: Int32) -> Bool {
    kill(process, 0) == 0 || errno == EPERM
  }
}
