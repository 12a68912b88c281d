import Glibc
import SystemPackage
import TestSupport

/// A UNIX socket in the file system.
struct BoundSocket {
  private let end: End

  /// - Parameter backlog: How many connections may wait, or `nil` to listen to none.
  init(_ path: String, type: __socket_type = SOCK_STREAM, backlog: Int32? = nil) throws {
    let descriptor = Glibc.socket(AF_UNIX, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    end = End(FileDescriptor(rawValue: descriptor))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let bound = withUnsafeBytes(of: &address) {
      $0.withMemoryRebound(to: sockaddr.self) { bind(descriptor, $0.baseAddress, size) }
    }
    guard bound == 0 else { throw Errno(rawValue: errno) }
    if let backlog, listen(descriptor, backlog) != 0 { throw Errno(rawValue: errno) }
  }

  func close() {
    end.close()
  }

  /// The next connection that waits.
  func accept() throws -> End {
    let connection = Glibc.accept(try end.open.rawValue, nil, nil)
    guard connection >= 0 else { throw Errno(rawValue: errno) }
    return End(FileDescriptor(rawValue: connection))
  }
}

extension TemporaryDirectory {
  /// Makes a socket that nothing listens on and returns its path.
  func socket(_ name: String) throws -> String {
    _ = try BoundSocket(path(name))
    return path(name)
  }
}
