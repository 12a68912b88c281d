import Glibc
import NBDKit
import StreamIO
import Synchronization
import SystemPackage

/// The clients that are connected, and whether more are let in. They are kept beside the stream,
/// whose lock a request may hold for as long as the reader or writer lets it wait.
final class Clients: Sendable {
  /// One connection, told apart from all others of this process.
  struct ID: Hashable, Sendable {
    fileprivate let number: UInt64
  }

  /// Whether any client is still connected when the server has stopped.
  enum Presence: Sendable {
    /// nbdkit saw all connections end.
    case left
    /// nbdkit did not see some connections end. They had ended when nbdkit had stopped, but maybe
    /// because it stopped: it waits for clients then, and refuses what they ask for. Or this can't
    /// be known, as over TCP.
    case unknown
    /// A connection had not ended.
    case connected
  }

  private struct Connection: Sendable {
    /// The process that made it, if that is known.
    let process: Int32?
    /// The socket, if it is known which one it is.
    let socket: ClientSocket?
  }

  private struct Connected: Sendable {
    var connections: [ID: Connection] = [:]
    var count: UInt64 = 0
  }

  private let connected = Mutex(Connected())
  private let isRefusing = Atomic<Bool>(false)

  func add(process: Int32?) -> ID {
    connected.withLock { connected in
      connected.count += 1
      let client = ID(number: connected.count)
      let known = Set(connected.connections.values.compactMap { $0.socket?.identity })
      connected.connections[client] = Connection(
        process: process, socket: process.flatMap { ClientSocket(of: $0, except: known) })
      return client
    }
  }

  /// nbdkit saw the connection end. It does not see that once it stops, even if the client left a
  /// moment before.
  func remove(_ client: ID) {
    let connection = connected.withLock { connected in
      // A client that was cut off has not left.
      connected.connections[client]?.socket?.wasCutOff == true
        ? nil : connected.connections.removeValue(forKey: client)
    }
    connection?.socket?.close()
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

  /// Called once, when the server has stopped. Lets go of the connections.
  func presenceAtEnd() -> Presence {
    let connections = connected.withLock { connected in
      defer { connected.connections = [:] }
      return connected.connections.values.map { $0 }
    }
    var presence = Presence.left
    for connection in connections {
      if let socket = connection.socket {
        if !socket.wasLeft { presence = .connected }
        socket.close()
      } else if let process = connection.process, lives(process) {
        presence = .connected
      }
      if presence == .left { presence = .unknown }
    }
    return presence
  }

  private func lives(_ process: Int32) -> Bool {
    kill(process, 0) == 0 || errno == EPERM
  }
}
