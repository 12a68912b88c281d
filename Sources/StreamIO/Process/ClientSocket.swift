import CLinux
import Glibc
import SystemPackage

/// A second descriptor for the socket over which a local client is connected to the server.
///
/// When the server stops it closes its connections, before anybody could look which of them had
/// ended already, and without telling the plugin. The process that made a connection says little:
/// it may have forked, or may have ended only after it was disconnected. With a second descriptor,
/// the client sees the end of the connection only once this one is closed too, so that until then
/// the socket itself tells.
///
/// A client that leaves before the server is told to stop delays the stop for a moment, until the
/// server has heard all that the client sent, including its end. A client that stays is cut off.
public struct ClientSocket: Sendable {
  private let copy: FileDescriptor
  /// Where the signal handler finds it.
  private let place: Int32
  /// Tells the socket from all others of this process.
  public let identity: UInt64

  /// Finds the one connection of `process` that is not among `known`.
  ///
  /// - Returns: `nil` if there is none or more than one, or no `/proc`.
  public init?(of process: Int32, except known: Set<UInt64>) {
    guard let directory = opendir("/proc/self/fd") else { return nil }
    defer { closedir(directory) }
    var found: (number: Int32, identity: UInt64)?
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { name in
        String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let number = Int32(name), let identity = Self.identity(of: number, from: process),
        !known.contains(identity)
      else { continue }
      if let found, found.identity != identity { return nil }
      found = (number, identity)
    }
    guard let found else { return nil }
    let copied = fcntl(found.number, F_DUPFD_CLOEXEC, 3)
    guard copied >= 0 else { return nil }
    copy = FileDescriptor(rawValue: copied)
    place = clinux_watch_client(copied)
    identity = found.identity
  }

  /// The inode of a connected UNIX stream socket whose other end was made by `process`.
  private static func identity(of number: Int32, from process: Int32) -> UInt64? {
    // struct ucred, which Swift does not have: process, user, group.
    var peer: (pid_t, uid_t, gid_t) = (0, 0, 0)
    var size = socklen_t(MemoryLayout.size(ofValue: peer))
    var status = stat()
    guard getsockopt(number, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0, peer.0 == process,
      fstat(number, &status) == 0
    else { return nil }
    var listens: Int32 = 0
    size = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0, listens == 0 else {
      return nil
    }
    return UInt64(status.st_ino)
  }

  /// Whether the client, and every process that it shared the connection with, had left the
  /// connection, with nothing unread but its farewell.
  public var wasLeft: Bool {
    let readHangup: Int32 = 0x2000  // POLLRDHUP
    // Without a place it is not known whether it was cut off.
    guard place >= 0, !wasCutOff, copy.events(readHangup) & (readHangup | POLLHUP) != 0 else {
      return false
    }
    return withUnsafeTemporaryAllocation(byteCount: 29, alignment: 1) { buffer in
      let count = recv(
        copy.rawValue, buffer.baseAddress, buffer.count, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
      // The header of a request: magic number, flags, and NBD_CMD_DISC.
      return count <= 0 || count == 28 && buffer[6] == 0 && buffer[7] == 2
    }
  }

  /// Whether the client stayed until the server was told to stop, and was cut off.
  public var wasCutOff: Bool { clinux_was_cut_off(place) != 0 }

  /// Lets the client see the end of the connection, if the server has closed it too.
  public func close() {
    clinux_forget_client(place)
    try? copy.close()
  }
}
