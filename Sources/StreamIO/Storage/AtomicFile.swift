import Glibc
import SystemPackage

/// A small file that is there as a whole or not at all.
public enum AtomicFile {
  /// Refuses a path where ``write(_:to:)`` would fail or would replace what is not to be replaced.
  /// Changes nothing.
  ///
  /// - Parameter beginnings: How a file begins that may be replaced; an empty one may be too.
  /// - Returns: Whether there is a file that begins like one of them.
  @discardableResult
  public static func check(
    _ path: String, replacing beginnings: String...
  ) throws(IOFailure) -> Bool {
    var isOld = false
    if let status = try? FileStatus(link: path) {
      guard status.kind == .regularFile else {
        let what = status.kind == .link ? "a symbolic link" : "no regular file"
        throw IOFailure(.invalidArgument, "is \(what): give a new name")
      }
      let found = beginning(of: path, upTo: beginnings.map(\.utf8.count).max() ?? 0)
      isOld = beginnings.contains { found?.starts(with: $0.utf8) == true }
      guard isOld || found?.isEmpty == true else {
        throw IOFailure(.fileExists, "holds something else, which would be lost: give a new name")
      }
    }
    let directory = FilePath(path).removingLastComponent().string
    if let status = try? FileStatus(path: directory), status.kind != .directory {
      throw IOFailure(.notDirectory, "'\(directory)' is not a directory")
    }
    guard faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0 else {
      throw IOFailure(
        Errno(rawValue: errno),
        "no file can be made in '\(directory)': \(Errno(rawValue: errno))")
    }
    return isOld
  }

  private static func beginning(of path: String, upTo most: Int) -> [UInt8]? {
    guard let file = try? FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
    else { return nil }
    defer { try? file.close() }
    return try? [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
      count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
    }
  }

  /// Removes what stands at `path`, if anything.
  public static func remove(_ path: String) throws(IOFailure) {
    guard unlink(path) != 0, errno != ENOENT else { return }
    throw IOFailure(Errno(rawValue: errno), "can't be removed: \(Errno(rawValue: errno))")
  }

  /// Writes `text` beside `path`, then puts it there.
  public static func write(_ text: String, to path: String) throws(IOFailure) {
    // Not made of the name at `path`, which may be as long as names get.
    let fresh = FilePath(path).removingLastComponent().appending(".nbdkit-streaming.\(getpid())")
    do {
      let file = try FileDescriptor.open(
        fresh, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
      do {
        // Once it is on the disk, closing has nothing to say any more.
        defer { try? file.close() }
        try file.writeAll(text.utf8)
        while fsync(file.rawValue) != 0 {
          guard errno == EINTR else { throw Errno(rawValue: errno) }
        }
        guard rename(fresh.string, path) == 0 else { throw Errno(rawValue: errno) }
      } catch {
        unlink(fresh.string)
        throw error
      }
    } catch {
      throw IOFailure(error as? Errno ?? .ioError, "can't be written: \(error)")
    }
  }
}
