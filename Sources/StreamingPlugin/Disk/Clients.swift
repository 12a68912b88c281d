import Glibc
import NBDKit
import Synchronization
import SystemPackage

/// Whoever is connected, and whether more are let in: kept beside the stream, whose lock a request may
/// hold for as long as the other end lets it wait.
final class Clients: Sendable {
  /// With the process at the other end where it is known.
  private let connected = Mutex<[ObjectIdentifier: Int32?]>([:])
  private let hadOne = Atomic<Bool>(false)
  private let isRefusing = Atomic<Bool>(false)

  func add(_ client: ObjectIdentifier, process: Int32?) {
    connected.withLock { $0[client] = .some(process) }
    hadOne.store(true, ordering: .relaxed)
  }

  func remove(_ client: ObjectIdentifier) {
    connected.withLock { _ = $0.removeValue(forKey: client) }
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

  /// Whether all have left, and there was one.
  var haveLeft: Bool { hadOne.load(ordering: .relaxed) && countThere == 0 }

  /// How many that nbdkit did not close are still connected, as far as that can be known. nbdkit closes
  /// no connection once it stops, not even one whose client left a moment before: who lives no longer
  /// left by itself. Over TCP nobody knows who that is, and the two look the same.
  var countThere: Int {
    connected.withLock { $0.values.count { $0.map(lives) ?? false } }
  }

  private func lives(_ process: Int32) -> Bool {
    kill(process, 0) == 0 || errno == EPERM
  }
}
