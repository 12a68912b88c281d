import NBDKit
import StreamIO

extension Parameters {
  /// Where what has to wait is kept.
  func medium() throws(PluginError) -> any SegmentMedium {
    guard let spool else { return AnonymousMemory() }
    do {
      return try SpoolFile(in: spool, name: "spool=\(spool)")
    } catch {
      throw PluginError(error, of: "spool=\(spool)")
    }
  }
}
