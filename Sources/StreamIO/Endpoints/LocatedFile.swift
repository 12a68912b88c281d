import CLinux
import Glibc
import StreamCore
import SystemPackage

/// The file that a path led to, held without being opened for reading or writing: what is checked
/// here is what is used afterwards, whatever takes its place at the path meanwhile.
///
/// In a directory where everybody may create files but may remove only their own (`/tmp`), a
/// symbolic link that a stranger made is not followed, and a stranger's FIFO or socket is not used.
/// These are the rules of Linux's `protected_symlinks` and `protected_fifos`, which are off on many
/// systems.
final class LocatedFile: Sendable {
  let status: FileStatus
  private let descriptor: FileDescriptor
  private let path: String
  /// The directory that holds its name, or the target of the last symbolic link.
  private let directory: FileStatus

  /// Looks at `path`.
  ///
  /// - Throws: The system's reason, or that a link on the way belongs to a stranger.
  init(_ path: String) throws(Failure) {
    let walk = try PathWalk(path)
    self.path = path
    descriptor = walk.descriptor
    status = walk.status
    directory = walk.directory
  }

  deinit { try? descriptor.close() }

  /// Refuses what a stranger put in a directory where everybody may create files.
  func checkOwner() throws(Failure) {
    guard status.kind == .fifo || status.kind == .socket,
      directory.distrusts(status)
    else { return }
    throw Failure(
      .permissionDenied,
      "belongs to user \(status.owner), in a directory where anybody can make one: use one of "
        + "your own")
  }

  /// Opens the file that was looked at, non-blocking.
  ///
  /// - Throws: The system's reason; `ESTALE` if it can't be told from what is at its path now.
  func open(_ mode: FileDescriptor.AccessMode) throws(Errno) -> FileDescriptor {
    let options: FileDescriptor.OpenOptions = [.nonBlocking, .closeOnExec]
    do {
      return try FileDescriptor.open(name, mode, options: options)
    } catch Errno.noSuchFileOrDirectory {
      // Without /proc it is opened by the path, and looked at again.
      return try opened(mode, options)
    } catch {
      throw error as? Errno ?? .ioError
    }
  }

  /// A path of this process that leads to the file without passing its directories again.
  var name: String { "/proc/self/fd/\(descriptor.rawValue)" }

  private func opened(
    _ mode: FileDescriptor.AccessMode, _ options: FileDescriptor.OpenOptions
  ) throws(Errno) -> FileDescriptor {
    do {
      let file = try FileDescriptor.open(path, mode, options: options)
      guard try FileStatus(file).identity == status.identity else {
        try? file.close()
        throw Errno.staleNFSFileHandle
      }
      return file
    } catch {
      throw error as? Errno ?? .ioError
    }
  }
}

/// Goes from name to name as the kernel does, looking at each symbolic link before it is followed.
private struct PathWalk {
  private(set) var descriptor: FileDescriptor
  private(set) var status: FileStatus
  private(set) var directory: FileStatus
  private var names: [Substring]
  private var links = 0

  init(_ path: String) throws(Failure) {
    names = Self.names(of: path).reversed()
    let start = path.hasPrefix("/") ? "/" : "."
    descriptor = try Self.look(AT_FDCWD, start, follow: true)
    status = try Self.status(of: descriptor)
    directory = status
    do throws(Failure) {
      while let name = names.popLast() { try step(String(name)) }
      // A slash at the end names a directory; stat(2) sees it that way too.
      if path.hasSuffix("/"), status.kind != .directory {
        throw Failure(.notDirectory, "\(Errno.notDirectory)")
      }
    } catch {
      try? descriptor.close()
      throw error
    }
  }

  private static func names(of path: String) -> [Substring] {
    path.split(separator: "/").filter { $0 != "." }
  }

  private mutating func step(_ name: String) throws(Failure) {
    let found = try Self.look(descriptor.rawValue, name, follow: false)
    let status: FileStatus
    do throws(Failure) {
      status = try Self.status(of: found)
    } catch {
      try? found.close()
      throw error
    }
    guard status.kind == .link else { return move(to: found, status) }
    defer { try? found.close() }
    try follow(found, status, name)
  }

  private mutating func move(to found: FileDescriptor, _ status: FileStatus) {
    try? descriptor.close()
    descriptor = found
    directory = self.status
    self.status = status
  }

  private mutating func follow(
    _ link: FileDescriptor, _ status: FileStatus, _ name: String
  ) throws(Failure) {
    links += 1
    guard links <= 40 else {
      throw Failure(.tooManySymbolicLinkLevels, "\(Errno.tooManySymbolicLinkLevels)")
    }
    guard !self.status.distrusts(status) else {
      throw Failure(
        .permissionDenied,
        "leads through the symbolic link '\(name)' of user \(status.owner), in a directory where "
          + "anybody can make one: name the file itself")
    }
    let target = try Self.target(of: link)
    // A link may be that of an open descriptor, whose text is not a path.
    if clinux_is_of_proc(link.rawValue) != 0, target.hasPrefix("/") || target.contains(":[") {
      let found = try Self.look(descriptor.rawValue, name, follow: true)
      return move(to: found, try Self.status(of: found))
    }
    names += Self.names(of: target).reversed()
    guard target.hasPrefix("/") else { return }
    let root = try Self.look(AT_FDCWD, "/", follow: true)
    move(to: root, try Self.status(of: root))
    directory = self.status
  }

  private static func look(
    _ directory: Int32, _ name: String, follow: Bool
  ) throws(Failure) -> FileDescriptor {
    let found = clinux_look_at(directory, name, follow ? 1 : 0)
    guard found >= 0 else {
      throw Failure(Errno(rawValue: errno), "\(Errno(rawValue: errno))")
    }
    return FileDescriptor(rawValue: found)
  }

  private static func status(of file: FileDescriptor) throws(Failure) -> FileStatus {
    do { return try FileStatus(file) } catch { throw Failure(error, "\(error)") }
  }

  private static func target(of link: FileDescriptor) throws(Failure) -> String {
    var length = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
      length = buffer.withMemoryRebound(to: CChar.self) { text in
        text.baseAddress.map { readlinkat(link.rawValue, "", $0, text.count) } ?? 0
      }
      count = max(0, length)
    }
    guard length > 0 else {
      throw Failure(Errno(rawValue: errno), "\(Errno(rawValue: errno))")
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension FileStatus {
  /// Whether an entry of this directory may be a trap set by anybody: everybody may create one
  /// there, and it belongs neither to us nor to the directory's owner.
  func distrusts(_ entry: FileStatus) -> Bool {
    isStickyAndWorldWritable && entry.owner != geteuid() && entry.owner != owner
  }
}
