import Glibc
import SystemPackage

/// What is at a path or behind a descriptor.
struct FileStatus: Sendable {
  enum Kind: Sendable {
    case fifo, socket, characterDevice, regularFile, blockDevice, directory, link, other
  }

  let kind: Kind
  let owner: uid_t
  let mode: mode_t
  let size: off_t
  /// Tells one file from every other while it exists. Its number may be given to another file
  /// afterwards, so the kind counts too: no other file is ever taken for a FIFO that was there.
  let identity: Identity

  struct Identity: Equatable, Sendable {
    let device: dev_t
    let inode: ino_t
    let kind: Kind
  }

  /// Follows symbolic links.
  init(path: String) throws(Errno) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw Errno(rawValue: errno) }
    self.init(status)
  }

  /// Does not follow a symbolic link at the end.
  init(link path: String) throws(Errno) {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw Errno(rawValue: errno) }
    self.init(status)
  }

  init(_ descriptor: FileDescriptor) throws(Errno) {
    var status = stat()
    guard fstat(descriptor.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
    self.init(status)
  }

  private init(_ status: stat) {
    owner = status.st_uid
    mode = status.st_mode
    size = status.st_size
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFIFO: .fifo
      case S_IFSOCK: .socket
      case S_IFCHR: .characterDevice
      case S_IFREG: .regularFile
      case S_IFBLK: .blockDevice
      case S_IFDIR: .directory
      case S_IFLNK: .link
      default: .other
      }
    identity = Identity(device: status.st_dev, inode: status.st_ino, kind: kind)
  }

  /// Whether anybody may make files here but may remove only their own (`/tmp`).
  var isStickyAndWorldWritable: Bool {
    mode & S_ISVTX != 0 && mode & S_IWOTH != 0
  }
}
