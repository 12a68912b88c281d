import Glibc
import SystemPackage

/// A port of 127.0.0.1 on which nobody listened a moment ago.
func freePort() throws -> UInt16 {
  let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  guard listener >= 0 else { throw Errno(rawValue: errno) }
  defer { close(listener) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let result = withUnsafeMutablePointer(to: &address) { address in
    address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
      bind(listener, address, size) == 0 && getsockname(listener, address, &size) == 0
    }
  }
  guard result else { throw Errno(rawValue: errno) }
  return UInt16(bigEndian: address.sin_port)
}
