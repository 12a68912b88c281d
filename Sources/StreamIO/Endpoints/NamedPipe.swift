import Glibc
import SystemPackage

/// A FIFO in the file system: made if need be, opened, and removed if it was made.
public struct NamedPipe: Sendable {
  private let path: String
  private let direction: Direction
  /// The file that stands at the path, to be recognised later.
  private var identity: FileStatus.Identity
  /// The user it was made as, or `nil` if it stood there.
  private var maker: uid_t?

  /// Takes the FIFO at `path`, or makes it where nothing stands, with mode 0600.
  ///
  /// - Throws: The system's reason, also where something else came to stand there meanwhile.
  public init(path: String, for direction: Direction) throws(IOFailure) {
    self.path = path
    self.direction = direction
    let made = mkfifo(path, 0o600) == 0
    if !made, errno != EEXIST {
      throw IOFailure(Errno(rawValue: errno), "no FIFO can be made: \(Errno(rawValue: errno))")
    }
    // What came first since somebody looked may be a stranger's.
    if !made { _ = try Endpoint(at: path, for: direction) }
    guard let status = try? FileStatus(path: path), status.kind == .fifo else {
      throw IOFailure(.fileExists, "something else came to stand there")
    }
    identity = status.identity
    maker = made ? geteuid() : nil
  }

  /// Opens this process's end, non-blocking, in the process that serves. Whoever waits in opening the
  /// other end goes on from here.
  ///
  /// A FIFO can be opened for writing without waiting only while a reader has it open, so it is
  /// opened for reading first; its reader sees the end of the stream even if nothing is written. A
  /// FIFO made as another user (nbdkit's `-u`) is made again as this one.
  public mutating func open() throws(IOFailure) -> OpenEndpoint {
    do {
      if let maker, maker != geteuid() { try makeAgain() }
    } catch .staleNFSFileHandle {
      throw IOFailure(.staleNFSFileHandle, "something else came to stand there")
    } catch {
      throw IOFailure(
        error, "no FIFO of user \(geteuid()) can be made: \(error): make it before, as that user")
    }
    do {
      let reading = try open(.readOnly)
      guard direction == .write else { return OpenEndpoint(reading, .pipe) }
      defer { try? reading.close() }
      return OpenEndpoint(try open(.writeOnly), .pipe)
    } catch .staleNFSFileHandle {
      throw IOFailure(.staleNFSFileHandle, "something else came to stand there")
    } catch {
      throw IOFailure(error, "the FIFO can't be opened: \(error)")
    }
  }

  /// Removes the FIFO if it was made here and still is the same.
  public func remove() throws(IOFailure) {
    guard maker != nil, (try? FileStatus(path: path))?.identity == identity else { return }
    guard unlink(path) == 0 else {
      throw IOFailure(
        Errno(rawValue: errno), "the FIFO can't be removed: \(Errno(rawValue: errno))")
    }
  }

  private func open(_ mode: FileDescriptor.AccessMode) throws(Errno) -> FileDescriptor {
    do {
      let descriptor = try FileDescriptor.open(
        FilePath(path), mode, options: [.nonBlocking, .closeOnExec])
      guard try FileStatus(descriptor).identity == identity else {
        try? descriptor.close()
        throw Errno.staleNFSFileHandle
      }
      return descriptor
    } catch {
      throw error as? Errno ?? .ioError
    }
  }

  /// Puts a FIFO of this user in the place of the one made before, at no time leaving it empty.
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
