import CLinux
import Glibc
public import StreamCore
import Synchronization
import SystemPackage

/// A small file that is there as a whole or not at all.
public enum AtomicFile {
  /// Refuses a path where ``write(_:to:)`` would fail or would replace what must not be replaced,
  /// or where others could put a file of their own instead. It changes nothing.
  ///
  /// - Parameter beginnings: How a file begins that may be replaced; an empty file may be replaced
  ///   too.
  /// - Returns: Whether there is a file that begins like one of them.
  @discardableResult
  public static func check(
    _ path: String, replacing beginnings: String...
  ) throws(Failure) -> Bool {
    try checkName(path)
    var isOld = false
    if let status = try? FileStatus(link: path) {
      guard status.kind == .regularFile else {
        let what = status.kind == .link ? "a symbolic link" : "not a regular file"
        throw Failure(.invalidArgument, "is \(what): give a new name")
      }
      let found = beginning(of: path, upTo: beginnings.map(\.utf8.count).max() ?? 0)
      isOld = beginnings.contains { found?.starts(with: $0.utf8) == true }
      guard isOld || found?.isEmpty == true else {
        throw Failure(
          .fileExists, "holds something other than a report, which would be lost: give a new name")
      }
    }
    let directory = parts(of: path).directory
    if let status = try? FileStatus(path: directory) {
      guard status.kind == .directory else {
        throw Failure(.notDirectory, "'\(directory)' is not a directory")
      }
      try checkDirectory(status, directory)
    }
    guard faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0 else {
      throw Failure(
        Errno(rawValue: errno),
        "no file can be made in '\(directory)': \(Errno(rawValue: errno))")
    }
    guard !Reservation.isTaken(path) else { throw Reservation.refusal }
    return isOld
  }

  /// The directory and the name in it of an absolute path.
  static func parts(of path: String) -> (directory: String, name: String) {
    // The search is by bytes: a slash may be one character with what follows it.
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let name = String(path[path.utf8.index(after: slash)...])
    // The root directory has no other name.
    return (slash == path.startIndex ? "/" : String(path[..<slash]), name)
  }

  private static func checkName(_ path: String) throws(Failure) {
    guard !path.hasSuffix("/") else {
      throw Failure(
        .isDirectory, "ends with a slash, as a directory does: give the name of a file")
    }
    guard !path.hasSuffix("/-") || path.hasSuffix("/./-") else {
      throw Failure(
        .invalidArgument,
        "can't go to standard output: give the name of a file (./- for a file of that name)")
    }
  }

  /// Refuses a directory where somebody else may put a file under a name that is free until the
  /// end: whoever looks for the report may find that file.
  private static func checkDirectory(_ status: FileStatus, _ path: String) throws(Failure) {
    guard status.mode & S_IWOTH == 0 else {
      throw Failure(
        .permissionDenied,
        "anybody can make files in '\(path)', and so a false report: use a directory of your own")
    }
    guard status.owner == 0 || status.owner == geteuid() || (geteuid() == 0 && changesUser) else {
      throw Failure(
        .permissionDenied,
        "the directory '\(path)' belongs to user \(status.owner), who could put a report there: "
          + "use a directory of your own")
    }
  }

  /// Whether nbdkit was told to become another user. The directory may belong to that user, and is
  /// then checked again.
  private static var changesUser: Bool {
    guard let arguments = ServerArguments.all else { return false }
    return ServerArguments.changeUser(arguments)
  }

  private static func beginning(of path: String, upTo most: Int) -> [UInt8]? {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec)
    else { return nil }
    defer { try? file.close() }
    return try? [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
      count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
    }
  }

  /// Removes what stands at `path`, if anything.
  public static func remove(_ path: String) throws(Failure) {
    guard unlink(path) != 0, errno != ENOENT else { return }
    throw Failure(Errno(rawValue: errno), "can't be removed: \(Errno(rawValue: errno))")
  }

  /// Takes `path` for this process until it has written there, by a locked file beside it: if two
  /// processes are to write one file, the file of the first would be overwritten unseen. It is
  /// called in the process that writes.
  public static func reserve(_ path: String) throws(Failure) {
    _ = clinux_survive_file_size_limit()
    let reservation = try Reservation(path)
    reservations.withLock { $0[path] = reservation }
  }

  /// Writes `text` beside `path`, then puts it there, and gives up what was reserved.
  public static func write(_ text: String, to path: String) throws(Failure) {
    let reservation = reservations.withLock { $0.removeValue(forKey: path) }
    guard let reservation else { return try Reservation(path).write(text) }
    try reservation.write(text)
  }

  private static let reservations = Mutex<[String: Reservation]>([:])
}
