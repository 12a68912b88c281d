import Glibc
public import StreamCore
import SystemPackage

/// A FIFO in the file system: it is made if need be, opened, and removed if it was made.
public struct NamedPipe: Sendable {
  let path: String
  private let direction: Direction
  /// The file at the path, to be recognised later.
  private var identity: FileStatus.Identity
  /// The user that it was made as, or `nil` if it was there before.
  private var maker: uid_t?

  /// Takes the FIFO at `path`, or makes it with mode 0600 if nothing is there.
  ///
  /// - Throws: The system's reason, also if something else took its place at the path meanwhile, or
  ///   if another process has locked the FIFO for its own stream.
  public init(path: String, for direction: Direction) throws(Failure) {
    self.path = path
    self.direction = direction
    let made = mkfifo(path, 0o600) == 0
    if !made, errno != EEXIST {
      throw Failure(Errno(rawValue: errno), "no FIFO can be made: \(Errno(rawValue: errno))")
    }
    let file: LocatedFile
    if made {
      file = try LocatedFile(path)
      // In a directory that others may write to, it may have been removed again.
      guard file.status.kind == .fifo, file.status.owner == geteuid() else { throw .replaced }
    } else {
      // What appeared since the path was looked at may belong to a stranger.
      guard try Endpoint(at: path, for: direction) == .fifo else { throw .replaced }
      file = try LocatedFile(path)
      guard file.status.kind == .fifo else { throw .replaced }
      try file.checkOwner()
    }
    identity = file.status.identity
    maker = made ? geteuid() : nil
    guard !FIFOLock.isHeld(of: file.status.identity) else { throw FIFOLock.refusal }
  }

  /// Opens this process's end, non-blocking, in the process that serves. A process that waits in
  /// opening the other end goes on from here.
  ///
  /// A FIFO can be opened for writing without waiting only while a reader has it open, so it is
  /// opened for reading first; its reader sees the end of the stream even if nothing is written. A
  /// FIFO made as another user (nbdkit's `-u`) is made again as this one. It is locked, so that no
  /// other server uses it at the same time, and watched for others that open it.
  public mutating func open() throws(Failure) -> OpenEndpoint {
    do {
      if let maker, maker != geteuid() { try makeAgain() }
    } catch .staleNFSFileHandle {
      throw .replaced
    } catch {
      throw Failure(
        error, "no FIFO can be made as user \(geteuid()): \(error): make it first, as that user")
    }
    let file = try LocatedFile(path)
    guard file.status.identity == identity else { throw .replaced }
    try file.checkOwner()
    guard !FIFOLock.isHeld(of: identity) else { throw FIFOLock.refusal }
    do {
      let reading = try file.open(.readOnly)
      guard direction == .write else {
        try closing(reading, unless: { () throws(Errno) in try FIFOLock.take(reading) })
        return OpenEndpoint(reading, .pipe, watch: FIFOWatch(reading, identity, direction))
      }
      let writing: FileDescriptor
      do {
        defer { try? reading.close() }
        // This end comes first: to open the other one lets a reader go on, perhaps another
        // server's.
        try FIFOLock.take(reading)
        writing = try file.open(.writeOnly)
        FIFOLock.give(reading)
      }
      try closing(writing, unless: { () throws(Errno) in try FIFOLock.take(writing) })
      return OpenEndpoint(writing, .pipe, watch: FIFOWatch(writing, identity, direction))
    } catch .wouldBlock {
      throw FIFOLock.refusal
    } catch .staleNFSFileHandle {
      throw .replaced
    } catch {
      throw Failure(error, "the FIFO can't be opened: \(error)")
    }
  }

  /// Closes `descriptor` unless `body` succeeds.
  private func closing(
    _ descriptor: FileDescriptor, unless body: () throws(Errno) -> Void
  ) throws(Errno) {
    do { try body() } catch {
      try? descriptor.close()
      throw error
    }
  }

  /// Removes the FIFO if it was made here and still is the same.
  public func remove() throws(Failure) {
    guard maker != nil, (try? FileStatus(path: path))?.identity == identity else { return }
    guard unlink(path) == 0 else {
      throw Failure(
        Errno(rawValue: errno), "the FIFO can't be removed: \(Errno(rawValue: errno))")
    }
  }

  /// Puts a FIFO of this user in the place of the one made before; the place is never empty.
  private mutating func makeAgain() throws(Errno) {
    guard try FileStatus(path: path).identity == identity else { throw .staleNFSFileHandle }
    let fresh = "\(path).\(getpid())"
    guard mkfifo(fresh, 0o600) == 0 else { throw Errno(rawValue: errno) }
    guard rename(fresh, path) == 0 else {
      let error = Errno(rawValue: errno)
      unlink(fresh)
      throw error
    }
    identity = try FileStatus(path: path).identity
    maker = geteuid()
  }
}
