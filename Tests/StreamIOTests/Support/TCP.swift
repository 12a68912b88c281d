import Glibc
import SystemPackage

/// The two ends of a connection over the loopback interface.
func connectionOverTCP() throws -> (reading: End, writing: End) {
  func end(_ descriptor: Int32) throws -> End {
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    return End(FileDescriptor(rawValue: descriptor))
  }

  let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
  let listener = try end(socket(AF_INET, type, 0))
  let writing = try end(socket(AF_INET, type, 0))
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  try withUnsafeMutableBytes(of: &address) {
    try $0.withMemoryRebound(to: sockaddr.self) { address in
      guard bind(try listener.open.rawValue, address.baseAddress, size) == 0,
        listen(try listener.open.rawValue, 1) == 0,
        getsockname(try listener.open.rawValue, address.baseAddress, &size) == 0,
        connect(try writing.open.rawValue, address.baseAddress, size) == 0
      else { throw Errno(rawValue: errno) }
    }
  }
  return (try end(accept(try listener.open.rawValue, nil, nil)), writing)
}
