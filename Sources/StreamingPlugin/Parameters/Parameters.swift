import NBDKit
import StreamFormats
import StreamIO
import SystemPackage

/// What the user asked for on the command line.
struct Parameters: Sendable {
  /// The largest disk that qemu accepts, 2^63 - 2^30 bytes: practically endless.
  static let defaultSize: UInt64 = 0x7FFF_FFFF_C000_0000
  static let defaultReorder: UInt64 = 256 << 20
  static let defaultRewind: UInt64 = 0
  /// For a stream that is read: what programs look at that probe what is on a disk, and more.
  static let defaultReadRewind: UInt64 = 64 << 10

  /// What the user named as the stream's other end: `nil` until given.
  private(set) var endpoint: Endpoint?
  /// Which way the stream goes.
  var direction: Direction { endpoint?.direction ?? .write }
  /// The disk's size in bytes, if given.
  var size: UInt64?
  /// How many bytes of data may wait for earlier ones.
  var reorder = Self.defaultReorder
  /// How many of the newest bytes stay changeable, or can be read again.
  var rewind: UInt64 {
    givenRewind ?? (direction == .read ? Self.defaultReadRewind : Self.defaultRewind)
  }
  var givenRewind: UInt64?
  /// Whether zeroes make up for what the stream lacks to the disk's size.
  var pad = false
  /// Where what has to wait is kept, as an absolute path, if not in memory.
  var spool: String?
  /// How the stream that is read is compressed, if it is.
  var decompress: Compression?
  /// What the stream is.
  var format = DiskFormat.raw
  /// How the stream is compressed, if it is.
  var compression: Compression?
  var compressionLevel: Int?
  var compressionThreads: Int?
  /// Whether the report gives digests of the stream and of the disk.
  var digestsOutput = false
  var digestsDisk = false
  /// How to show how far the stream is, if it is wanted.
  var progress: Progress.Style?
  /// Where the report goes, if it is wanted.
  var report: ReportFile?
  /// The parameters given so far, with their values.
  private var given: [String: String] = [:]

  /// Takes one parameter.
  mutating func take(_ key: String, _ value: String) throws(PluginError) {
    guard let parameter = Self.table.first(where: { $0.key == key }) else {
      throw PluginError(
        .invalidArgument, "\(key): unknown parameter: this plugin knows \(Self.keys)")
    }
    do throws(PluginError) {
      guard given.updateValue(value, forKey: key) == nil || key == endpoint?.key else {
        throw PluginError(.invalidArgument, "given twice: give it once")
      }
      try parameter.take(value, &self)
    } catch {
      let name = parameter.isSecret ? key : "\(key)=\(value)"
      throw PluginError(error.errno, "\(name): \(error.message)")
    }
  }

  /// Checks that what is required was given.
  func check() throws(PluginError) {
    guard let endpoint else {
      throw PluginError(
        .invalidArgument,
        "pipe: missing: say where the stream goes, as in pipe=FILENAME, or comes from, as in "
          + "read=FILENAME")
    }
    if direction == .read, let reorder = given["reorder"] {
      throw PluginError(
        .invalidArgument,
        "reorder=\(reorder): nothing is written to a disk that comes from \(endpoint.name): leave "
          + "it out")
    }
    if direction == .write, let decompress {
      throw PluginError(
        .invalidArgument,
        "decompress=\(decompress.rawValue): nothing is read from \(endpoint.name): it is for "
          + "read=, read-fd= and read-command=")
    }
    try checkEncoding(endpoint)
    if pad {
      if case .command = endpoint.kind, direction == .write {
        throw PluginError(
          .invalidArgument,
          "pad=true: \(endpoint.name) gets a whole disk or nothing: leave one out")
      }
      if size == nil {
        throw PluginError(.invalidArgument, "pad=true: needs size=, to which zeroes are added")
      }
    }
    if case .command = endpoint.kind, direction == .write, size == nil {
      throw PluginError(
        .invalidArgument,
        "\(endpoint.name): needs size=, as only then it is known when the stream is complete")
    }
    if case .path(let path) = endpoint.kind, let report,
      FilePath(report.path).lexicallyNormalized() == FilePath(path).lexicallyNormalized()
    {
      throw PluginError(
        .invalidArgument, "\(report.name): that is the stream's own name: give another one")
    }
  }

  mutating func take(
    endpoint key: String, _ value: String, _ direction: Direction,
    _ kind: (String, Direction) throws(PluginError) -> Endpoint.Kind
  ) throws(PluginError) {
    if let endpoint {
      throw PluginError(
        .invalidArgument, "a second endpoint after \(endpoint.name): a stream has only one")
    }
    endpoint = Endpoint(
      direction: direction, kind: try kind(value, direction), key: key, value: value)
  }

  static func path(_ value: String) throws(PluginError) -> String {
    guard !value.isEmpty else { throw PluginError(.invalidArgument, "empty: give a file name") }
    return try Server.absolutePath(value)
  }

  /// A size in the form that a parameter takes, rounded up.
  static func written(_ size: UInt64) -> String {
    let (unit, letter): (UInt64, String) = size < 1 << 20 ? (1 << 10, "k") : (1 << 20, "M")
    return "\((size - 1) / unit + 1)\(letter)"
  }

  static func diskSize(_ value: String) throws(PluginError) -> UInt64 {
    let size = try Server.parseSize(value)
    guard size > 0 else {
      throw PluginError(.invalidArgument, "a disk of no bytes: give its size, as in size=10G")
    }
    return size
  }
}
