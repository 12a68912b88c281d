import NBDKit
import StreamFormats
import StreamIO
import SystemPackage

extension Parameters {
  /// What becomes of the disk's bytes on their way.
  var encoding: OutputEncoding {
    let processors = Processors.usable
    return OutputEncoding(
      compression: compression, level: compressionLevel,
      threads: compressionThreads ?? Compression.defaultThreads(processors: processors),
      digestsOutput: digestsOutput, digestsDisk: digestsDisk, digestsAside: processors > 1)
  }

  /// The parameters that ask for something to stand between the disk and the endpoint.
  var codingName: String {
    decompress.map { "decompress=\($0.rawValue)" } ?? encodingName
  }

  /// Those that ask for an encoding, for messages about it.
  var encodingName: String {
    let names = [
      compression.map { "compress=\($0.rawValue)" }, digestsOutput ? "digest=sha256" : nil,
      digestsDisk ? "disk-digest=sha256" : nil,
    ]
    return names.compactMap { $0 }.joined(separator: ", ")
  }

  /// Checks what only all parameters together tell.
  func checkEncoding(_ endpoint: Endpoint) throws(PluginError) {
    if direction == .read, !encodingName.isEmpty {
      throw PluginError(
        .invalidArgument,
        "\(encodingName): nothing is written to a disk that comes from \(endpoint.name): leave it out"
      )
    }
    let dependent = [
      ("compress-level", compressionLevel), ("compress-threads", compressionThreads),
    ]
    for case (let key, let value?) in dependent where compression == nil {
      throw PluginError(
        .invalidArgument, "\(key)=\(value): needs compress=, as in compress=zstd")
    }
    if let compression, let level = compressionLevel, !compression.levels.contains(level) {
      throw PluginError(
        .invalidArgument,
        "compress-level=\(level): \(compression.rawValue) has levels \(compression.levels.lowerBound) to "
          + "\(compression.levels.upperBound)")
    }
  }

  /// A whole number that is not negative.
  static func number(_ value: String) throws(PluginError) -> Int {
    guard value.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(value) else {
      throw PluginError(.invalidArgument, "not a number: give one, in digits alone")
    }
    return number
  }

  static func checkDigest(_ value: String) throws(PluginError) {
    guard value == "sha256" else {
      throw PluginError(.invalidArgument, "unknown digest: give sha256")
    }
  }
}
