import Glibc
public import StreamCore
import SystemPackage

/// A connection to a UNIX stream socket that a process listens on.
public enum UnixSocket {
  /// Connects without waiting.
  ///
  /// - Returns: The connection, non-blocking.
  public static func connect(to path: String) throws(Failure) -> OpenEndpoint {
    var address = sockaddr_un()
    let most = MemoryLayout.size(ofValue: address.sun_path) - 1
    guard path.utf8.count <= most else {
      throw Failure(
        .fileNameTooLong,
        "the path of a socket has at most \(most) bytes, this has \(path.utf8.count)")
    }
    let file = try LocatedFile(path)
    guard file.status.kind == .socket else { throw .replaced }
    try file.checkOwner()
    fill(&address, file.name)

    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let connection = socket(AF_UNIX, type, 0)
    guard connection >= 0 else {
      throw Failure(Errno(rawValue: errno), "no socket: \(Errno(rawValue: errno))")
    }
    let descriptor = FileDescriptor(rawValue: connection)
    var result = connect(connection, &address)
    if result != 0, errno == ENOENT, (try? FileStatus(path: "/proc/self/fd")) == nil {
      // Without /proc it is reached by the path.
      fill(&address, path)
      result = connect(connection, &address)
    }
    guard result == 0 else {
      let error = Errno(rawValue: errno)
      try? descriptor.close()
      throw Failure(error, reason(error))
    }
    return OpenEndpoint(descriptor, .socket)
  }

  private static func fill(_ address: inout sockaddr_un, _ path: String) {
    address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  }

  private static func connect(_ connection: Int32, _ address: inout sockaddr_un) -> Int32 {
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        var result: Int32
        // With this family nothing is under way after a signal has interrupted the call.
        repeat {
          result = Glibc.connect(connection, address, socklen_t(MemoryLayout<sockaddr_un>.size))
        } while result != 0 && errno == EINTR
        return result
      }
    }
  }

  private static func reason(_ error: Errno) -> String {
    switch error {
    case .connectionRefused:
      "nothing listens on this socket: start what listens on it first"
    case .protocolWrongTypeForSocket:
      "is not a stream socket: it has to be of type SOCK_STREAM"
    case .resourceTemporarilyUnavailable:
      "too many connections wait on this socket"
    default: "can't connect: \(error)"
    }
  }
}
