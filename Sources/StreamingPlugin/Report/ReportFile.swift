import NBDKit
import StreamIO

/// Where the report goes.
struct ReportFile: Sendable {
  /// Absolute.
  let path: String
  /// The parameter as the user gave it.
  let name: String

  /// Refuses a file that could not be written at the end, or that is no report.
  func check() throws(PluginError) {
    _ = try holdsReport()
  }

  /// Removes the report of an earlier stream, as soon as its name is known: whatever becomes of this
  /// one, nobody shall take that for its own.
  func removeOld() throws(PluginError) {
    guard try holdsReport() else { return }
    do { try AtomicFile.remove(path) } catch { throw PluginError(error, of: name) }
  }

  /// Takes the name for this stream: of two with one name nobody would see whose report it is.
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
