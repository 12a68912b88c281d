internal import Glibc
internal import SystemPackage

/// A file that is made beside its name and gets that name when it is whole. Until then, the file
/// that had the name keeps it.
final class FileAside: Sendable {
  /// The name as the user gave it.
  let name: String
  /// Where the bytes go meanwhile, in the same directory.
  let part: String
  private let path: String
  private let mode: mode_t
  private let mayReplace: Bool

  /// Makes the empty file beside `name`. It changes nothing if that name can't be given.
  init(_ name: String, mayReplace: Bool) throws(Failure) {
    self.name = name
    self.mayReplace = mayReplace
    path = absolute(name)
    let old = try FileStatus(name, followingLink: false)
    try Self.check(name, old, mayReplace: mayReplace)
    let mask = umask(0)
    umask(mask)
    mode = old?.mode ?? 0o666 & ~mask
    let directory = FilePath(path).removingLastComponent()
    // This name is not made of the user's name, which may be as long as names can be.
    part = directory.appending(".stream-disk.\(getpid()).part").string
    unlink(part)
    do {
      try FileDescriptor.open(
        FilePath(part), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: .ownerReadWrite
      ).close()
    } catch {
      let errno = error as? Errno ?? .ioError
      throw Failure("\(name): no file can be made in '\(directory)': \(errno)")
    }
  }

  private static func check(
    _ name: String, _ old: FileStatus?, mayReplace: Bool
  ) throws(Failure) {
    guard !name.hasSuffix("/") else {
      throw Failure("\(name): ends with a slash, as a directory does: give the name of a file")
    }
    switch old?.kind {
    case nil: break
    case .regular where mayReplace: break
    case .regular:
      throw Failure("\(name): already exists: give another name, or --force to replace it")
    case .directory: throw Failure("\(name): is a directory: give the name of a file in it")
    case .link:
      throw Failure("\(name): is a symbolic link: give the name of the file itself")
    case .fifo, .socket, .characterDevice:
      let command = quoted("cat >\(quoted(name))")
      throw Failure(
        "\(name): is not a regular file: write to it by a command, as in -c \(command)")
    case .blockDevice, .other:
      throw Failure("\(name): is not a regular file, nothing is written to it")
    }
  }

  /// Opens the file that is being made, to write it.
  func open() throws(Failure) -> FileDescriptor {
    do {
      return try FileDescriptor.open(FilePath(part), .readWrite, options: .closeOnExec)
    } catch {
      throw Failure(name, error as? Errno ?? .ioError)
    }
  }

  /// Syncs the bytes to the disk, then gives them the name.
  func keep() throws(Failure) {
    let file = try open()
    defer { try? file.close() }
    guard fchmod(file.rawValue, mode) == 0 else { throw failed }
    while fsync(file.rawValue) != 0 {
      guard errno == EINTR else { throw failed }
    }
    try giveName()
    // The name, too, has to be on the disk; a directory that can't be synced has given it all the
    // same.
    let directory = FilePath(path).removingLastComponent()
    if let directory = try? FileDescriptor.open(directory, .readOnly, options: .closeOnExec) {
      fsync(directory.rawValue)
      try? directory.close()
    }
  }

  private func giveName() throws(Failure) {
    if mayReplace {
      guard rename(part, path) == 0 else { throw failed }
    } else if link(part, path) == 0 {
      unlink(part)
    } else if errno == EEXIST {
      throw Failure("\(name): was made by another program meanwhile, and is not replaced")
    } else {
      // A file system without links.
      guard access(path, F_OK) != 0, rename(part, path) == 0 else { throw failed }
    }
  }

  private var failed: Failure { Failure(name, Errno(rawValue: errno)) }

  /// Removes what was made beside the name.
  func discard() { unlink(part) }

  /// Its size so far.
  var size: UInt64? { (try? FileStatus(part))??.size }
}
