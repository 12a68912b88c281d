import Glibc
import NBDKit
import StreamFormats
import StreamIO
import SystemPackage

extension Parameters {
  /// What becomes of the disk's bytes on their way.
  var encoding: OutputEncoding {
    let processors = Processors.usable
    var random = SystemRandomNumberGenerator()
    return OutputEncoding(
      format: format, size: size ?? 0, seconds: Int64(time(nil)),
      identity: (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) },
      compression: compression, level: compressionLevel,
      threads: compressionThreads ?? Compression.defaultThreads(processors: processors),
      sharesProcessors: compressionThreads == nil,
      digestsOutput: digestsOutput, digestsDisk: digestsDisk, digestsAside: processors > 1)
  }

  /// What the stream is that becomes a disk, and what has to be found out about it.
  var decoding: InputDecoding {
    let processors = Processors.usable
    return InputDecoding(
      compression: decompress, digestsInput: digestsOutput, digestsDisk: digestsDisk,
      digestsAside: processors > 1,
      threads: InputDecoding.defaultThreads(processors: processors))
  }

  /// The parameters that ask for something to stand between the disk and the endpoint.
  var codingName: String {
    direction == .read
      ? Self.list([decompress.map { "decompress=\($0.rawValue)" }] + digestNames) : encodingName
  }

  /// The parameters that ask for an encoding, for messages about it.
  var encodingName: String { Self.list(encodingNames + digestNames) }

  private var encodingNames: [String?] {
    [
      format == .raw ? nil : "format=\(format.rawValue)",
      compression.map { "compress=\($0.rawValue)" },
    ]
  }

  private var digestNames: [String?] {
    [digestsOutput ? "digest=sha256" : nil, digestsDisk ? "disk-digest=sha256" : nil]
  }

  private static func list(_ names: [String?]) -> String {
    names.compactMap { $0 }.joined(separator: ", ")
  }

  /// Checks what can be told only from all parameters together.
  func checkEncoding(_ endpoint: Endpoint) throws(PluginError) {
    let names = Self.list(encodingNames)
    if direction == .read, !names.isEmpty {
      throw PluginError(
        .invalidArgument,
        "\(names): nothing is written to a disk that comes from \(endpoint.name): leave it out"
      )
    }
    let dependent = [
      ("compress-level", compressionLevel), ("compress-threads", compressionThreads),
    ]
    let levels = format.levels?.range ?? compression?.levels
    for case (let key, let value?) in dependent where levels == nil {
      throw PluginError(
        .invalidArgument, "\(key)=\(value): needs compress=, as in compress=zstd")
    }
    if let levels, let level = compressionLevel, !levels.contains(level) {
      throw PluginError(
        .invalidArgument,
        "compress-level=\(level): \(compression?.rawValue ?? format.rawValue) has levels "
          + "\(levels.lowerBound) to \(levels.upperBound)")
    }
    try checkFormat()
  }

  /// A disk that the format can't hold is refused before anything is served: it would only show at
  /// the end.
  private func checkFormat() throws(PluginError) {
    guard format != .raw else { return }
    let name = "format=\(format.rawValue)"
    if let compression, format.levels != nil {
      throw PluginError(
        .invalidArgument,
        "compress=\(compression.rawValue): \(name) compresses by itself: leave one out")
    }
    guard let size else {
      throw PluginError(.invalidArgument, "\(name): needs size=, which the format tells its reader")
    }
    guard let next = format.nextSize(from: size) else {
      throw PluginError(
        .invalidArgument,
        "size=\(size): \(name) has at most \(format.largestSize) bytes: give another format")
    }
    guard next == size else {
      throw PluginError(
        .invalidArgument,
        "size=\(size): \(name) has whole multiples of \(format.sizeUnit) bytes: give size=\(next), "
          + "and pad=true to fill it with zeroes")
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
