import NBDKit
import StreamIO

extension Parameters {
  /// The medium that holds what has to wait.
  func medium() throws(PluginError) -> any SegmentMedium {
    guard let spool else { return AnonymousMemory() }
    do {
      return try SpoolFile(in: spool, name: "spool=\(spool)")
    } catch {
      throw PluginError(error, of: "spool=\(spool)")
    }
  }
}
