import Glibc
import Synchronization
import SystemPackage
import TestSupport

/// One end of a pipe or socket, closed once.
final class End: Sendable {
  private let descriptor: Mutex<FileDescriptor?>

  init(_ descriptor: FileDescriptor) {
    self.descriptor = Mutex(descriptor)
  }

  deinit { close() }

  /// Valid until it is closed or released.
  var open: FileDescriptor {
    get throws {
      guard let open = descriptor.withLock({ $0 }) else { throw Errno.badFileDescriptor }
      return open
    }
  }

  /// The same as a process has it that was started with it.
  var inherited: FileDescriptor {
    get throws {
      let descriptor = try open
      _ = fcntl(descriptor.rawValue, F_SETFD, 0)
      return descriptor
    }
  }

  func close() {
    try? release()?.close()
  }

  /// Leaves closing to the caller.
  @discardableResult
  func release() -> FileDescriptor? {
    descriptor.withLock { descriptor in
      defer { descriptor = nil }
      return descriptor
    }
  }

  /// How many bytes are there to be taken.
  var unread: Int {
    var count: Int32 = 0
    guard let open = try? open, ioctl(open.rawValue, UInt(FIONREAD), &count) == 0 else { return 0 }
    return Int(count)
  }

  /// Takes up to `most` bytes of what is there, without waiting.
  func take(_ most: Int = .max) throws -> [UInt8] {
    let open = try open
    var taken: [UInt8] = []
    while taken.count < most {
      var waiting = pollfd(fd: open.rawValue, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 0) > 0, waiting.revents & Int16(POLLIN) != 0 else { break }
      var buffer = [UInt8](repeating: 0, count: min(1 << 18, most - taken.count))
      let count = try buffer.withUnsafeMutableBytes { try open.read(into: $0) }
      if count == 0 { break }
      taken += buffer[..<count]
    }
    return taken
  }
}
