import CNBDKit
import Glibc
import SystemPackage

/// The client at hand. Outside a call that concerns a client there is none; the server then prints
/// a line, and the answer is `nil` or an error. A connection that a filter opens for itself has no
/// client either, but no line is printed for that.
extension Server {
  /// The export that the client asked for, `""` for the default one. Untrusted: any text of at most
  /// 4096 bytes.
  ///
  /// - Throws: `EINVAL` if there is no client, or if the name is not UTF-8.
  ///
  /// C function: `nbdkit_export_name`.
  public static func exportName() throws(PluginError) -> String {
    guard ClientAtHand.mayBeAskedAbout, let name = nbdkit_export_name() else {
      throw PluginError(.invalidArgument, "no client has named an export")
    }
    guard let name = String(validatingCString: name) else {
      throw PluginError(.invalidArgument, "export '\(String(cString: name))': not UTF-8")
    }
    return name
  }

  /// Whether the client has authenticated by TLS. C function: `nbdkit_is_tls`.
  public static var isTLS: Bool? {
    guard ClientAtHand.mayBeAskedAbout else { return nil }
    let answer = nbdkit_is_tls()
    return answer < 0 ? nil : answer == 1
  }

  /// Where the client comes from. C function: `nbdkit_peer_name`.
  public static var peerAddress: PeerAddress? {
    guard ClientAtHand.mayBeAskedAbout else { return nil }
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutableBytes(of: &storage) { bytes in
      nbdkit_peer_name(bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
    }
    guard status == 0 else { return nil }
    return withUnsafeBytes(of: &storage) {
      PeerAddress(UnsafeRawBufferPointer(rebasing: $0.prefix(Int(length))))
    }
  }

  /// The client's process, if it came over a UNIX socket. C function: `nbdkit_peer_pid`.
  public static var peerProcess: Int32? {
    guard ClientAtHand.mayBeAskedAbout else { return nil }
    let process = nbdkit_peer_pid()
    return process > 0 ? Int32(exactly: process) : nil
  }

  /// The user that the client's process belongs to. C function: `nbdkit_peer_uid`.
  public static var peerUser: UInt32? {
    ClientAtHand.mayBeAskedAbout ? UInt32(exactly: nbdkit_peer_uid()) : nil
  }

  /// The group that the client's process belongs to. C function: `nbdkit_peer_gid`.
  public static var peerGroup: UInt32? {
    ClientAtHand.mayBeAskedAbout ? UInt32(exactly: nbdkit_peer_gid()) : nil
  }
}

/// Where a client comes from.
public enum PeerAddress: Equatable, Sendable {
  /// An address such as `192.0.2.1`, or `2001:db8::1` with a scope where it has one.
  case ip(String, port: UInt16)
  /// A UNIX socket; clients rarely give theirs a name.
  case unix(path: String?)
  /// A virtual machine, by its context identifier.
  case vsock(context: UInt32, port: UInt32)
  /// Any other, by its `AF_` number.
  case other(family: UInt16)

  /// - Parameter bytes: A `struct sockaddr`, aligned for any.
  init(_ bytes: UnsafeRawBufferPointer) {
    let family = bytes.count < 2 ? 0 : bytes.loadUnaligned(as: UInt16.self)
    switch Int32(family) {
    case AF_INET where bytes.count >= 8, AF_INET6 where bytes.count >= 24:
      self = Self.ip(bytes) ?? .other(family: family)
    case AF_UNIX:
      // The path has no terminating zero if it is as long as the address.
      let path = bytes.dropFirst(2).prefix { $0 != 0 }
      self = .unix(path: path.isEmpty ? nil : String(validating: path, as: UTF8.self))
    case 40 where bytes.count >= 12:  // AF_VSOCK, for which Swift has no `struct sockaddr_vm`
      self = .vsock(
        context: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self),
        port: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    default:
      self = .other(family: family)
    }
  }

  private static func ip(_ bytes: UnsafeRawBufferPointer) -> PeerAddress? {
    let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { host in
      let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      let status = getnameinfo(
        address, socklen_t(bytes.count), host.baseAddress, socklen_t(host.count), nil, 0,
        NI_NUMERICHOST)
      return status == 0 ? host.baseAddress.map { String(cString: $0) } : nil
    }
    let port = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
    return text.map { .ip($0, port: port) }
  }
}
