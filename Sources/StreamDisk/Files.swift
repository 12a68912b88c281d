internal import Glibc
internal import SystemPackage

/// What is at a path.
struct FileStatus {
  enum Kind { case regular, directory, link, fifo, socket, characterDevice, blockDevice, other }

  /// What no other file has, as long as this one is open.
  struct Identity: Equatable {
    let device: dev_t
    let inode: ino_t
  }

  let kind: Kind
  let size: UInt64
  let mode: mode_t
  let identity: Identity

  /// `nil` if nothing is there.
  init?(_ path: String, followingLink: Bool = true) throws(Failure) {
    var status = stat()
    guard (followingLink ? stat(path, &status) : lstat(path, &status)) == 0 else {
      guard errno == ENOENT else { throw Failure(path, Errno(rawValue: errno)) }
      return nil
    }
    self.init(status)
  }

  init?(_ descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .directory
      case S_IFLNK: .link
      case S_IFIFO: .fifo
      case S_IFSOCK: .socket
      case S_IFCHR: .characterDevice
      case S_IFBLK: .blockDevice
      default: .other
      }
    size = UInt64(max(0, status.st_size))
    mode = status.st_mode & 0o777
    identity = Identity(device: status.st_dev, inode: status.st_ino)
  }
}

/// Whether `other`, which is no link, is or would be the name of the file that `one` leads to.
func isSameFile(_ one: String, _ other: String) throws(Failure) -> Bool {
  if let first = try FileStatus(one), let second = try FileStatus(other, followingLink: false) {
    return first.identity == second.identity
  }
  let (one, other) = (FilePath(absolute(one)), FilePath(absolute(other)))
  guard one.lastComponent == other.lastComponent,
    let first = try FileStatus(one.removingLastComponent().string),
    let second = try FileStatus(other.removingLastComponent().string)
  else { return false }
  return first.identity == second.identity
}

/// Waits until what was written is on the disk.
func waitForDisk(_ file: FileDescriptor) throws(Errno) {
  while fsync(file.rawValue) != 0 {
    guard errno == EINTR else { throw Errno(rawValue: errno) }
  }
}

/// The path from the root on. If it begins with a slash, qemu takes no part of it for a protocol.
func absolute(_ path: String) -> String {
  guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
  defer { free(directory) }
  let current = String(cString: directory)
  return (current == "/" ? "" : current) + "/" + path
}

/// All bytes of a small file.
func contents(of path: String) throws(Failure) -> [UInt8] {
  do {
    let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
    return try file.closeAfter {
      var bytes: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while bytes.count < 1 << 24 {
        let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
        if count == 0 { break }
        bytes += buffer[..<count]
      }
      return bytes
    }
  } catch {
    throw Failure(path, error as? Errno ?? .ioError)
  }
}

/// Bytes of `file` at an offset: fewer only if the file ends.
func read(
  _ file: FileDescriptor, at offset: UInt64, _ count: Int, name: String
) throws(Failure) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: count)
  var filled = 0
  while filled < count {
    let got = bytes.withUnsafeMutableBytes {
      let rest = UnsafeMutableRawBufferPointer(rebasing: $0[filled...])
      return pread(file.rawValue, rest.baseAddress, rest.count, off_t(offset) + off_t(filled))
    }
    if got == 0 { break }
    guard got > 0 || errno == EINTR else { throw Failure(name, Errno(rawValue: errno)) }
    filled += max(0, got)
  }
  return Array(bytes.prefix(filled))
}
