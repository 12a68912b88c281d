import CLinux
import Glibc
import StreamCore
import SystemPackage

/// The lock by which a server has a FIFO for itself. If two servers wrote to one FIFO, the reader
/// would get both disks mixed, and if two read from one, each would get a part. It is an flock(2),
/// which goes away with its descriptor.
enum FIFOLock {
  static let refusal = Failure(
    .resourceBusy, "another nbdkit uses this FIFO: give each one of its own")

  /// Takes the lock with an open end of the FIFO.
  ///
  /// - Throws: `EWOULDBLOCK` if another process has it. If that process has just released it in
  ///   order to take it with its other end, this waits for a moment.
  static func take(_ end: FileDescriptor) throws(Errno) {
    for attempt in 1...20 {
      if flock(end.rawValue, LOCK_EX | LOCK_NB) == 0 { return }
      let error = Errno(rawValue: errno)
      // A file system without locks has none to respect.
      if error == .noLocks || error == .invalidArgument || error == .notSupported { return }
      guard error == .interrupted || (error == .wouldBlock && attempt < 20) else { throw error }
      usleep(2000)
    }
  }

  static func give(_ end: FileDescriptor) {
    flock(end.rawValue, LOCK_UN)
  }

  /// Whether a process that this one may see has the lock. This is found out without opening the
  /// FIFO, which would let its other end go on.
  static func isHeld(of fifo: FileStatus.Identity) -> Bool {
    guard
      let file = try? FileDescriptor.open("/proc/locks", .readOnly, options: .closeOnExec)
    else { return false }
    defer { try? file.close() }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while let count = try? buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
      text += buffer[..<count]
    }
    // As in "1: FLOCK  ADVISORY  WRITE 4711 fd:01:123456 0 EOF"; a process that waits has an arrow.
    return text.split(separator: UInt8(ascii: "\n")).contains { line in
      let words = line.split(separator: UInt8(ascii: " ")).map {
        String(decoding: $0, as: UTF8.self)
      }
      return words.count >= 6 && words[1] == "FLOCK" && isFile(words[5], fifo)
    }
  }

  private static func isFile(_ name: String, _ file: FileStatus.Identity) -> Bool {
    let parts = name.split(separator: ":")
    return parts.count == 3 && UInt32(parts[0], radix: 16) == clinux_major(file.device)
      && UInt32(parts[1], radix: 16) == clinux_minor(file.device) && ino_t(parts[2]) == file.inode
  }
}
