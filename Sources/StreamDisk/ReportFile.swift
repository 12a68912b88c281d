internal import Glibc
internal import SystemPackage

/// The file that `--report` names. It is there at the end or not at all.
struct ReportFile {
  let path: String

  /// Removes an old report, which would be taken for this stream's. Refuses to replace anything
  /// else.
  init(_ path: String) throws(Failure) {
    self.path = path
    if let status = try FileStatus(path, followingLink: false) {
      guard status.kind == .regular else {
        throw Failure("\(path): is not a regular file: give a new name for the report")
      }
      let beginning = try contents(of: path)
      guard beginning.isEmpty || (try? Report(parsing: beginning)) != nil else {
        throw Failure("\(path): holds something other than a report: give a new name")
      }
      unlink(path)
    }
    try write("")
    unlink(path)
  }

  /// Writes the plugin's report, with the judgement of what came after it.
  func write(_ result: Run.Result?, failure: Failure?) throws(Failure) {
    guard let text = result?.reportText else { return }
    try write(failure.map { Report.text(text, failedWith: $0.message) } ?? text)
  }

  private func write(_ text: String) throws(Failure) {
    let part = FilePath(absolute(path)).removingLastComponent()
      .appending(".stream-disk.\(getpid()).report")
    do {
      let file = try FileDescriptor.open(
        part, .writeOnly, options: [.create, .truncate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
      try file.closeAfter {
        _ = try file.writeAll(text.utf8)
        fsync(file.rawValue)
      }
      guard rename(part.string, path) == 0 else { throw Errno(rawValue: errno) }
    } catch {
      unlink(part.string)
      throw Failure("\(path): the report can't be written: \(error as? Errno ?? .ioError)")
    }
  }
}
