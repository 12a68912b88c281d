import Glibc
import SystemPackage

/// A small file that is there as a whole or not at all.
public enum AtomicFile {
  /// Refuses a path where ``write(_:to:)`` would fail or would replace what is not to be replaced.
  /// Changes nothing.
  ///
  /// - Parameter beginning: How a file begins that may be replaced; an empty one may be too.
  public static func check(_ path: String, replacing beginning: String) throws(IOFailure) {
    if let status = try? FileStatus(link: path) {
      guard status.kind == .regularFile else {
        let what = status.kind == .link ? "a symbolic link" : "no regular file"
        throw IOFailure(.invalidArgument, "is \(what): give a new name")
      }
      guard begins(path, with: beginning) else {
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
  }

  private static func begins(_ path: String, with beginning: String) -> Bool {
    let wanted = Array(beginning.utf8)
    guard let file = try? FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
    else { return false }
    defer { try? file.close() }
    let found = try? [UInt8](unsafeUninitializedCapacity: wanted.count) { buffer, count in
      count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
    }
    return found == [] || found == wanted
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
