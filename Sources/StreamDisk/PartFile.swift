internal import Glibc
internal import SystemPackage

/// A new file beside another one, under a name that nothing had. It takes the other one's place, or
/// is removed, only while its name still leads to it: another process, also one with the same
/// number in another container, may have put something else there.
final class PartFile: Sendable {
  let path: String
  /// Open from the start to the end: a sync then reports every failed write to the file, whoever
  /// wrote it.
  let file: FileDescriptor
  private let identity: FileStatus.Identity

  /// Makes an empty file, which only its owner can read, in the directory of `target`.
  init(beside target: String) throws(Errno) {
    Interruption.shared.mustCleanUp()
    let directory = FilePath(absolute(target)).removingLastComponent()
    // This name is not made of the target's, which may be as long as names can be.
    let number = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let path = directory.appending(".stream-disk.\(number).part")
    do {
      file = try FileDescriptor.open(
        path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: .ownerReadWrite)
    } catch {
      throw error as? Errno ?? .ioError
    }
    self.path = path.string
    guard let status = FileStatus(file.rawValue) else { throw Errno(rawValue: errno) }
    identity = status.identity
  }

  deinit { try? file.close() }

  /// Waits until all of it is on the disk.
  func sync() throws(Errno) {
    try waitForDisk(file)
    // Some file systems report only to close() what they could not write.
    do { try file.duplicate().close() } catch { throw error as? Errno ?? .ioError }
  }

  /// Gives it the name `target`, in place of what has that name.
  func replace(_ target: String) throws(Errno) {
    guard isThere else { throw .staleNFSFileHandle }
    guard rename(path, target) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Gives it the name `target`, which nothing may have.
  func take(_ target: String) throws(Errno) {
    guard isThere else { throw .staleNFSFileHandle }
    if link(path, target) == 0 {
      unlink(path)
    } else if errno == EEXIST {
      throw .fileExists
    } else {
      // A file system without links.
      guard access(target, F_OK) != 0 else { throw .fileExists }
      guard rename(path, target) == 0 else { throw Errno(rawValue: errno) }
    }
  }

  func remove() { if isThere { unlink(path) } }

  private var isThere: Bool {
    (try? FileStatus(path, followingLink: false))??.identity == identity
  }
}
