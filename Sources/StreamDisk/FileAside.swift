internal import Glibc
internal import SystemPackage

/// A file that is made beside its name and gets that name when it is whole. Until then, the file
/// that had the name keeps it.
final class FileAside: Sendable {
  enum Purpose: Equatable {
    case stream
    case image(mayReplace: Bool)

    fileprivate var mayReplace: Bool { self != .image(mayReplace: false) }
  }

  /// The name as the user gave it.
  let name: String
  private let path: String
  private let file: PartFile
  private let mode: mode_t
  private let purpose: Purpose

  /// Makes the empty file beside `name`. It changes nothing if that name can't be given.
  init(_ name: String, for purpose: Purpose) throws(Failure) {
    self.name = name
    self.purpose = purpose
    path = absolute(name)
    let old = try FileStatus(name, followingLink: false)
    try Self.check(name, old, for: purpose)
    if old != nil { try Image.checkIsNotInUse(name) }
    let mask = umask(0)
    umask(mask)
    mode = old?.mode ?? 0o666 & ~mask
    do { file = try PartFile(beside: path) } catch {
      let directory = FilePath(path).removingLastComponent()
      throw Failure("\(name): no file can be made in '\(directory)': \(error)")
    }
  }

  private static func check(
    _ name: String, _ old: FileStatus?, for purpose: Purpose
  ) throws(Failure) {
    guard !name.hasSuffix("/") else {
      throw Failure("\(name): ends with a slash, as a directory does: give the name of a file")
    }
    switch old?.kind {
    case nil: break
    case .regular where purpose.mayReplace: break
    case .regular:
      throw Failure("\(name): already exists: give another name, or --force to replace it")
    case .directory: throw Failure("\(name): is a directory: give the name of a file in it")
    case .link:
      throw Failure("\(name): is a symbolic link: give the name of the file itself")
    case .fifo where purpose == .stream, .socket where purpose == .stream,
      .characterDevice where purpose == .stream:
      let command = quoted("cat >\(quoted(name))")
      throw Failure(
        "\(name): is not a regular file: write to it by a command, as in -c \(command)")
    default: throw Failure("\(name): is not a regular file, nothing is written to it")
    }
  }

  /// Where the bytes go meanwhile, in the same directory.
  var part: String { file.path }

  /// The file that is being made, to write it; the caller closes this.
  func open() throws(Failure) -> FileDescriptor {
    do { return try file.file.duplicate() } catch {
      throw Failure(name, error as? Errno ?? .ioError)
    }
  }

  /// Waits until all bytes are on the disk, then gives them the name.
  func keep() throws(Failure) {
    do throws(Errno) {
      guard fchmod(file.file.rawValue, mode) == 0 else { throw Errno(rawValue: errno) }
      try file.sync()
    } catch {
      throw Failure(name, error)
    }
    try Interruption.shared.check()
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
    do throws(Errno) {
      if purpose.mayReplace { try file.replace(path) } else { try file.take(path) }
    } catch .fileExists {
      throw Failure("\(name): was made by another program meanwhile, and is not replaced")
    } catch .staleNFSFileHandle {
      throw Failure("\(name): something else has taken the place of '\(part)'")
    } catch {
      throw Failure(name, error)
    }
  }

  /// Removes what was made beside the name.
  func discard() { file.remove() }
}
