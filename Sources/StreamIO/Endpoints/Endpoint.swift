import Glibc
public import StreamCore
import SystemPackage

/// What is at the path of the stream.
public enum Endpoint: Sendable {
  /// Nothing: a FIFO is to be made.
  case absent
  /// A FIFO.
  case fifo
  /// A socket in the file system.
  case socket
  /// A character device, such as a tape or `/dev/null`.
  case characterDevice

  /// Looks at `path` and refuses what a stream must not or can't go to or come from. It changes
  /// nothing.
  public init(at path: String, for direction: Direction) throws(Failure) {
    guard path.utf8.count < Int(PATH_MAX) else {
      throw Failure(
        .fileNameTooLong,
        "the path has \(path.utf8.count) bytes: at most \(PATH_MAX - 1) can be used")
    }
    let file: LocatedFile
    do {
      file = try LocatedFile(path)
    } catch {
      guard error.number == .noSuchFileOrDirectory else { throw error }
      try Self.checkAbsent(path)
      self = .absent
      return
    }
    let status = file.status
    self = try Self.usable(status.kind, direction)
    try file.checkOwner()
    if direction == .write { try StandardError.checkIsNot(status) }
    // The attempt to connect to a socket tells better than this what is wrong with it.
    guard status.kind != .socket else { return }
    let (needed, rights) =
      switch direction {
      case .write where status.kind == .fifo: (R_OK | W_OK, "read and write")
      case .write: (W_OK, "write")
      case .read: (R_OK, "read")
      }
    guard faccessat(AT_FDCWD, path, needed, AT_EACCESS) == 0 else {
      throw Failure(
        Errno(rawValue: errno), "\(Errno(rawValue: errno)): \(rights) permission is needed")
    }
  }

  private static func usable(
    _ kind: FileStatus.Kind, _ direction: Direction
  ) throws(Failure) -> Endpoint {
    let harm = direction == .write ? ", which would be overwritten" : ""
    switch kind {
    case .fifo: return .fifo
    case .socket: return .socket
    case .characterDevice: return .characterDevice
    case .regularFile:
      throw refused("is a regular file\(harm)")
    case .blockDevice:
      throw refused("is a block device\(harm)")
    case .directory:
      throw refused("is a directory")
    case .link, .other:
      throw refused("is of a type that can't carry a stream")
    }
  }

  private static func refused(_ what: String) -> Failure {
    Failure(
      .invalidArgument,
      "\(what): give a FIFO, a UNIX socket, a character device or a new name, or see "
        + "nbdkit-file-plugin(1) for files and disks")
  }

  /// Checks a path where nothing is: it may be a link to nothing, or a FIFO can't be made there.
  private static func checkAbsent(_ path: String) throws(Failure) {
    guard (try? FileStatus(link: path)) == nil else {
      throw Failure(
        .noSuchFileOrDirectory,
        "is a symbolic link to something that does not exist: make its target or remove the link")
    }
    guard !path.hasSuffix("/") else {
      throw Failure(
        .isDirectory, "ends with a slash, as a directory does: give the name of a file")
    }
    let directory = FilePath(path).removingLastComponent().string
    guard let there = try? FileStatus(path: directory) else {
      throw Failure(.noSuchFileOrDirectory, "the directory '\(directory)' does not exist")
    }
    guard there.kind == .directory else {
      throw Failure(.notDirectory, "'\(directory)' is not a directory")
    }
    guard faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0 else {
      throw Failure(
        Errno(rawValue: errno), "no FIFO can be made in '\(directory)': \(Errno(rawValue: errno))")
    }
  }
}
