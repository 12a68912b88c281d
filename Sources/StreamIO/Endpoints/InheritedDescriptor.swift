import CLinux
import Glibc
public import StreamCore
import SystemPackage

/// A descriptor that nbdkit was started with. It is shared with the process that started nbdkit, so
/// its flags stay as they are.
public struct InheritedDescriptor: Sendable {
  private let original: FileDescriptor
  private let copy: FileDescriptor
  private let status: FileStatus
  private let direction: Direction

  /// Copies `number`, and checks that a stream can go that way through it.
  public init(_ number: Int32, for direction: Direction) throws(Failure) {
    let flags = fcntl(number, F_GETFL)
    // A descriptor that is closed on exec was opened since, by the server for itself.
    guard flags >= 0, fcntl(number, F_GETFD) & FD_CLOEXEC == 0 else {
      throw Failure(
        .badFileDescriptor, "is not open: it has to be open when nbdkit starts")
    }
    original = FileDescriptor(rawValue: number)
    self.direction = direction
    let isOneWay = flags & O_ACCMODE != O_RDWR
    guard !isOneWay || flags & O_ACCMODE == direction.accessMode.rawValue else {
      let other = direction == .write ? "reading" : "writing"
      throw Failure(.badFileDescriptor, "is open for \(other) only")
    }
    let copied = fcntl(number, F_DUPFD_CLOEXEC, 3)
    guard copied >= 0 else {
      throw Failure(Errno(rawValue: errno), "can't be duplicated: \(Errno(rawValue: errno))")
    }
    copy = FileDescriptor(rawValue: copied)
    do {
      status = try FileStatus(copy)
    } catch {
      throw Failure(error, "\(error)")
    }
    switch status.kind {
    case .fifo: break
    case .socket where Self.isConnectedStream(copied): break
    case .socket: throw refused("a socket that is not a connected stream socket")
    case .characterDevice where isatty(copied) == 0: break
    case .characterDevice: throw refused("a terminal")
    case .regularFile: throw refused("a regular file")
    case .blockDevice: throw refused("a block device")
    case .directory: throw refused("a directory")
    case .link, .other: throw refused("of a type that can't carry a stream")
    }
    do throws(Failure) {
      if isNamed, FIFOLock.isHeld(of: status.identity) { throw FIFOLock.refusal }
      if direction == .write { try StandardError.checkIsNot(status) }
    } catch {
      try? copy.close()
      throw error
    }
  }

  /// Whether it is a FIFO in a file system, which others can open, too.
  private var isNamed: Bool { status.kind == .fifo && clinux_is_of_pipefs(copy.rawValue) == 0 }

  /// On any other socket bytes may be lost, or come in pieces.
  private static func isConnectedStream(_ socket: Int32) -> Bool {
    var type: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    var peer = sockaddr_storage()
    var peerSize = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0
      && type == Int32(SOCK_STREAM.rawValue)
      && withUnsafeMutablePointer(to: &peer) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          getpeername(socket, $0, &peerSize)
        }
      } == 0
  }

  private func refused(_ what: String) -> Failure {
    try? copy.close()
    return Failure(
      .invalidArgument,
      "is \(what): give a pipe, a socket or a character device, or see nbdkit-file-plugin(1) for "
        + "files and disks")
  }

  /// Closes the original in this process, once this is the process that serves: a process that
  /// waits for the end of the stream waits for the original too. The standard streams become
  /// `/dev/null`, so that nothing else is opened in their place.
  public func closeOriginal() {
    guard (try? FileStatus(original))?.identity == status.identity else { return }
    guard original.rawValue <= STDERR_FILENO else {
      try? original.close()
      return
    }
    guard let null = try? FileDescriptor.open("/dev/null", .readWrite) else { return }
    _ = try? null.duplicate(as: original)
    try? null.close()
  }

  /// Makes it ready for use. A pipe or device is opened anew, so that only this copy is
  /// non-blocking. One that may not be opened (a pipe made by another user) or not twice (a tape)
  /// stays blocking. The copy is closed if it is not needed any more.
  ///
  /// A FIFO with a name is locked and watched, as one is that nbdkit opens by its name.
  public func open() throws(Failure) -> OpenEndpoint {
    guard status.kind != .socket else { return OpenEndpoint(copy, .socket) }
    let kind: OpenEndpoint.Kind = status.kind == .fifo ? .pipe : .device
    if kind == .pipe, copy.events() & POLLERR != 0 {
      throw Failure(.brokenPipe, "the reader of this pipe has gone already")
    }
    let isNamed = isNamed
    guard
      let anew = try? FileDescriptor.open(
        "/proc/self/fd/\(copy.rawValue)" as String, direction.accessMode,
        options: [.nonBlocking, .closeOnExec])
    else {
      return OpenEndpoint(
        copy, kind, hasPeer: true, staysBlocking: true, watch: watch(copy, isNamed))
    }
    try? copy.close()
    do throws(Errno) { if isNamed { try FIFOLock.take(anew) } } catch {
      try? anew.close()
      throw error == .wouldBlock ? FIFOLock.refusal : Failure(error, "can't be locked: \(error)")
    }
    return OpenEndpoint(anew, kind, hasPeer: true, watch: watch(anew, isNamed))
  }

  private func watch(_ end: FileDescriptor, _ isNamed: Bool) -> FIFOWatch? {
    isNamed ? FIFOWatch(end, status.identity, direction) : nil
  }
}

extension InheritedDescriptor {
  /// The number of the descriptor that a path names, such as `/dev/stdout`, `/dev/fd/63` (a shell's
  /// `>(command)`) or `/proc/self/fd/5`. This is not a file to be opened, but one that is open
  /// already.
  public static func number(named path: String) -> Int32? {
    switch path {
    case "/dev/stdin": return 0
    case "/dev/stdout": return 1
    case "/dev/stderr": return 2
    default:
      for directory in ["/dev/fd/", "/proc/self/fd/", "/proc/\(getpid())/fd/"]
      where path.hasPrefix(directory) {
        let digits = path.dropFirst(directory.count)
        return digits.allSatisfy(\.isWholeNumber) ? Int32(digits) : nil
      }
      return nil
    }
  }
}
