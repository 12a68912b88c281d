import Glibc
import SystemPackage

/// A small file that is there as a whole or not at all.
public enum AtomicFile {
  /// Refuses a path where ``write(_:to:)`` would fail or would replace what is no plain file.
  /// Changes nothing.
  public static func check(_ path: String) throws(IOFailure) {
    if let status = try? FileStatus(path: path), status.kind != .regularFile {
      throw IOFailure(.invalidArgument, "is no regular file: give a new name")
    }
    let directory = FilePath(path).removingLastComponent().string
    guard faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0 else {
      throw IOFailure(
        Errno(rawValue: errno),
        "no file can be made in '\(directory)': \(Errno(rawValue: errno))")
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
        try file.closeAfter {
          try file.writeAll(text.utf8)
          guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
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
