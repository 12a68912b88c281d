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
      guard unlink(path) == 0 || errno == ENOENT else { throw refused(Errno(rawValue: errno)) }
    }
    // Whether it can be written is found out before anything runs.
    do throws(Errno) {
      let part = try PartFile(beside: path)
      do { try part.replace(path) } catch {
        part.remove()
        throw error
      }
      unlink(path)
    } catch {
      throw refused(error)
    }
  }

  /// Writes the plugin's report, with the judgement of what came after it.
  func write(_ result: Run.Result?, failure: Failure?) throws(Failure) {
    guard let text = result?.reportText else { return }
    do throws(Errno) {
      try write(failure.map { Report.text(text, failedWith: $0.message) } ?? text)
    } catch {
      throw refused(error)
    }
  }

  private func write(_ text: String) throws(Errno) {
    let part = try PartFile(beside: path)
    do throws(Errno) {
      do { _ = try part.file.writeAll(text.utf8) } catch { throw error as? Errno ?? .ioError }
      let mask = umask(0)
      umask(mask)
      guard fchmod(part.file.rawValue, 0o644 & ~mask) == 0 else { throw Errno(rawValue: errno) }
      try part.sync()
      try part.replace(path)
    } catch {
      part.remove()
      throw error
    }
  }

  private func refused(_ error: Errno) -> Failure {
    Failure("\(path): the report can't be written: \(error)")
  }
}
