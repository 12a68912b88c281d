import NBDKit
import StreamFormats
import StreamIO
import SystemPackage

/// One parameter of the command line: what it is called, what `--help` says of it, and how its
/// value is taken.
struct Parameter: Sendable {
  let key: String
  /// What stands for the value in `--help`.
  let value: String
  /// What `--help` says, in lines of at most 72 columns.
  let help: String
  /// Whether the value may hold secrets, as a command does: messages then leave it out.
  var isSecret = false
  /// Takes the value, or refuses it; the caller puts key and value in front of the message.
  let take: @Sendable (_ value: String, inout Parameters) throws(PluginError) -> Void
}

extension Parameters {
  /// All parameters, in the order of `--help`.
  static let table: [Parameter] = [
    Parameter(
      endpoint: "pipe", "FILENAME", .write, Endpoint.Kind.init(path:for:),
      help: """
        Where the stream goes: a FIFO (made if nothing is there), a UNIX socket,
        a character device, or - for standard output.
        This, or one of the next six, is required. "pipe=" may be left out.
        """),
    Parameter(
      endpoint: "write", "FILENAME", .write, Endpoint.Kind.init(path:for:),
      help: "The same as pipe=."),
    Parameter(
      endpoint: "write-fd", "NUMBER", .write, Endpoint.Kind.init(descriptor:for:),
      help: "The same, a descriptor that is open when nbdkit starts."),
    Parameter(
      endpoint: "write-command", "SHELL", .write, Endpoint.Kind.init(command:for:),
      help: """
        A shell command that reads the stream; size= is required, and the
        command sees the end of the stream only if the disk is whole.
        """, isSecret: true),
    Parameter(
      endpoint: "read", "FILENAME", .read, Endpoint.Kind.init(path:for:),
      help: """
        Where the stream comes from: then it is the disk's content, and clients
        read it. As pipe=, but - is standard input.
        """),
    Parameter(
      endpoint: "read-fd", "NUMBER", .read, Endpoint.Kind.init(descriptor:for:),
      help: "The same, a descriptor that is open when nbdkit starts."),
    Parameter(
      endpoint: "read-command", "SHELL", .read, Endpoint.Kind.init(command:for:),
      help: "The same, a shell command that writes the stream.", isSecret: true),
    Parameter(
      key: "size", value: "SIZE",
      help: "The disk's virtual size (default: practically endless)."
    ) { value, parameters throws(PluginError) in
      parameters.size = try diskSize(value)
    },
    Parameter(
      key: "reorder", value: "SIZE",
      help: "How many bytes may wait for earlier bytes (default: 256M)."
    ) { value, parameters throws(PluginError) in
      parameters.reorder = try Server.parseSize(value)
    },
    Parameter(
      key: "rewind", value: "SIZE",
      help: """
        How many of the newest bytes can be changed and read (default: 0).
        With read=, how many can be read again (default: 64K).
        """
    ) { value, parameters throws(PluginError) in
      parameters.givenRewind = try Server.parseSize(value)
    },
    Parameter(
      key: "decompress", value: "zstd|gzip",
      help: "How the stream to be read is compressed (default: not at all)."
    ) { value, parameters throws(PluginError) in
      guard let compression = Compression(rawValue: value) else {
        throw PluginError(
          .invalidArgument,
          "unknown compression: give zstd or gzip")
      }
      parameters.decompress = compression
    },
    Parameter(
      key: "spool", value: "DIRECTORY",
      help: "Keep bytes that wait in a file in this directory (default: in memory)."
    ) { value, parameters throws(PluginError) in
      parameters.spool = try path(value)
    },
    Parameter(
      key: "pad", value: "BOOL",
      help: "At the end, send zeroes for what was not written, up to size=."
    ) { value, parameters throws(PluginError) in
      parameters.pad = try Server.parseBool(value)
    },
    Parameter(
      key: "format", value: "raw|vhd|tar|vmdk|rbd-diff|rbd-image",
      help: """
        What the stream is (default: raw, the disk's own bytes). All others
        need size=.
        """
    ) { value, parameters throws(PluginError) in
      guard let format = DiskFormat(rawValue: value) else {
        let known = DiskFormat.allCases.map(\.rawValue).joined(separator: ", ")
        throw PluginError(.invalidArgument, "unknown format: give one of \(known)")
      }
      parameters.format = format
    },
    Parameter(
      key: "compress", value: "zstd|gzip",
      help: "Compress the stream; holes then take almost no space and time."
    ) { value, parameters throws(PluginError) in
      guard let compression = Compression(rawValue: value) else {
        throw PluginError(.invalidArgument, "unknown compression: give zstd or gzip")
      }
      parameters.compression = compression
    },
    Parameter(
      key: "compress-level", value: "N",
      help: "zstd: 1 to 19 (default: 3); gzip and vmdk: 0 to 9 (default: 1)."
    ) { value, parameters throws(PluginError) in
      parameters.compressionLevel = try number(value)
    },
    Parameter(
      key: "compress-threads", value: "N",
      help: """
        How many blocks are compressed at a time (default: as many as
        processors are free, at most 8).
        """
    ) { value, parameters throws(PluginError) in
      let threads = try number(value)
      guard Compression.threads.contains(threads) else {
        let (least, most) = (Compression.threads.lowerBound, Compression.threads.upperBound)
        throw PluginError(.invalidArgument, "there may be \(least) to \(most) threads")
      }
      parameters.compressionThreads = threads
    },
    Parameter(
      key: "digest", value: "sha256",
      help: "Put a digest of the stream into the report."
    ) { value, parameters throws(PluginError) in
      try checkDigest(value)
      parameters.digestsOutput = true
    },
    Parameter(
      key: "disk-digest", value: "sha256",
      help: "The same for the disk; its zeroes take time too."
    ) { value, parameters throws(PluginError) in
      try checkDigest(value)
      parameters.digestsDisk = true
    },
    Parameter(
      key: "progress", value: "BOOL|json",
      help: "Show on standard error how far the stream has got."
    ) { value, parameters throws(PluginError) in
      parameters.progress = value == "json" ? .json : try Server.parseBool(value) ? .line : nil
    },
    Parameter(
      key: "report", value: "FILENAME",
      help: "At the end, write to this file what became of the stream, as JSON."
    ) { value, parameters throws(PluginError) in
      parameters.report = ReportFile(path: try path(value), name: "report=\(value)")
    },
  ]

  /// What `--help` shows, and nbdkit's shell completion reads: it looks for lines that start with
  /// `key=`.
  static let help = table.map(\.helpLines).joined(separator: "\n")

  /// The keys, for a message: `pipe, write and report`.
  static let keys =
    table.dropLast().map(\.key).joined(separator: ", ") + " and \(table.last?.key ?? "")"
}

extension Parameter {
  /// A parameter that names the endpoint; a stream has only one endpoint.
  fileprivate init(
    endpoint key: String, _ value: String, _ direction: Direction,
    _ kind: @escaping @Sendable (String, Direction) throws(PluginError) -> Parameters.Endpoint.Kind,
    help: String, isSecret: Bool = false
  ) {
    self.init(key: key, value: value, help: help, isSecret: isSecret) {
      value, parameters throws(PluginError) in
      try parameters.take(endpoint: key, value, direction, kind)
    }
  }

  /// The column where the text begins.
  private static let column = 21

  fileprivate var helpLines: String {
    let name = "\(key)=<\(value)>"
    let margin = String(repeating: " ", count: Self.column)
    let lines = help.replacing("\n", with: "\n\(margin)")
    return name.utf8.count < Self.column
      ? name + margin.dropFirst(name.utf8.count) + lines : "\(name)\n\(margin)\(lines)"
  }
}
