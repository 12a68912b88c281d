import NBDKit
import StreamIO

/// Where the report goes.
struct ReportFile: Sendable {
  /// An absolute path.
  let path: String
  /// The parameter as the user gave it.
  let name: String

  /// Refuses a file that could not be written at the end, or that is not a report.
  func check() throws(PluginError) {
    _ = try holdsReport()
  }

  /// Removes the report of an earlier stream as soon as its name is known: whatever becomes of this
  /// stream, the old report must not be taken for its report.
  func removeOld() throws(PluginError) {
    guard try holdsReport() else { return }
    do { try AtomicFile.remove(path) } catch { throw PluginError(error, of: name) }
  }

  /// Takes the name for this stream: if two streams had one name, nobody would see whose report it
  /// is.
  func reserve() throws(PluginError) {
    do { try AtomicFile.reserve(path) } catch { throw PluginError(error, of: name) }
  }

  private func holdsReport() throws(PluginError) -> Bool {
    do {
      return try AtomicFile.check(
        path, replacing: Report.beginning, Report.beginningBeforeVersions)
    } catch {
      throw PluginError(error, of: name)
    }
  }

  func write(_ report: Report) throws(PluginError) {
    do { try AtomicFile.write(report.json, to: path) } catch {
      throw PluginError(error, of: name)
    }
  }
}
