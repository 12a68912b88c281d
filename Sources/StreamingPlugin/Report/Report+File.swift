import NBDKit
import StreamIO

extension Report {
  /// Where a report goes.
  struct File: Sendable {
    /// Absolute.
    let path: String
    /// The parameter as the user gave it.
    let name: String

    /// Refuses a file that could not be written at the end, or that is no report.
    func check() throws(PluginError) {
      do {
        try AtomicFile.check(path, replacing: Report.beginning)
      } catch {
        throw PluginError(error, of: name)
      }
    }

    /// Removes the report of an earlier stream: if this one is killed, nobody shall take that for its
    /// own. Looks again before: under another spelling the path may be that of the FIFO just made.
    func removeOld() throws(PluginError) {
      try check()
      do { try AtomicFile.remove(path) } catch { throw PluginError(error, of: name) }
    }

    /// Takes the name for this stream: of two with one name nobody would see whose report it is.
    func reserve() throws(PluginError) {
      do { try AtomicFile.reserve(path) } catch { throw PluginError(error, of: name) }
    }

    func write(_ report: Report) throws(PluginError) {
      do { try AtomicFile.write(report.json, to: path) } catch {
        throw PluginError(error, of: name)
      }
    }
  }
}
