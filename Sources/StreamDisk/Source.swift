internal import Glibc
internal import SystemPackage

/// Where the stream of `restore` and `verify` comes from, and what is known of it.
struct Source {
  /// The name in messages.
  let name: String
  /// An open file or standard input, of which `beginning` has been read; `nil` for a command.
  let file: FileDescriptor?
  let beginning: [UInt8]
  let command: String?
  let encoding: Encoding
  /// The disk's size in bytes, if it is known.
  let size: UInt64?
  let report: Report?
  /// The stream's size in bytes, if it is a regular file's.
  let length: UInt64?

  /// - Parameter stream: A file, or `-` for standard input; `nil` with `--from-command`.
  init(_ stream: String?, _ options: StreamOptions) throws(Failure) {
    report = try options.reportOf.map { path throws(Failure) in
      let report = try Report(of: path)
      try report.checkWhole(path)
      if let format = report.format, format != "raw" {
        throw Failure(
          "\(path): the stream is \(format) and not a raw disk: qemu-img and others read it "
            + "directly")
      }
      return report
    }
    let said = options.encoding ?? report?.compressed.map { .compressed($0) }
    command = options.fromCommand
    guard let stream else {
      (name, file, beginning, length) = ("the command", nil, [], nil)
      encoding = said ?? .raw
      size = options.size.flatMap(Size.init)?.bytes ?? report?.size
      return
    }
    name = stream == "-" ? "standard input" : stream
    encoding = said ?? Compression(named: stream).map { .compressed($0) } ?? .raw
    let file = try Self.open(stream)
    self.file = file
    let isRegular = FileStatus(file.rawValue)?.kind == .regular
    let length = isRegular ? FileStatus(file.rawValue)?.size : nil
    self.length = length
    beginning = try Self.firstBytes(file, name)
    // A report names the compression only if there is one.
    try encoding.check(beginning, isSaid: options.encoding != nil, name: name)
    if let known = options.size.flatMap(Size.init)?.bytes ?? report?.size {
      size = known
    } else if let length {
      size = try Self.size(file, length, encoding, stream)
    } else {
      size = nil
    }
  }

  private static func open(_ stream: String) throws(Failure) -> FileDescriptor {
    do {
      guard stream == "-" else {
        if try FileStatus(stream)?.kind == .directory {
          throw Failure("\(stream): is a directory: give the name of a file in it")
        }
        return try FileDescriptor.open(FilePath(stream), .readOnly, options: .closeOnExec)
      }
      guard isatty(STDIN_FILENO) == 0 else {
        throw Failure.usage("-: standard input is a terminal: send the stream into it")
      }
      return try FileDescriptor.standardInput.duplicate()
    } catch {
      throw error as? Failure ?? Failure(stream, error as? Errno ?? .ioError)
    }
  }

  private static func firstBytes(
    _ file: FileDescriptor, _ name: String
  ) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4)
    do {
      while bytes.count < 4 {
        let wanted = 4 - bytes.count
        let count = try buffer.withUnsafeMutableBytes {
          try file.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<wanted]))
        }
        if count == 0 { break }
        bytes += buffer[..<count]
      }
    } catch {
      throw Failure(name, error as? Errno ?? .ioError)
    }
    guard !bytes.isEmpty else { throw Failure("\(name): is empty") }
    return bytes
  }

  /// What a file says about the size of the disk in it.
  private static func size(
    _ file: FileDescriptor, _ length: UInt64, _ encoding: Encoding, _ name: String
  ) throws(Failure) -> UInt64? {
    switch encoding {
    case .raw: length
    case .compressed(.gzip): nil
    case .compressed(.zstd):
      try ZstdSize.find(fileSize: length) { offset, count throws(Failure) in
        try read(file, at: offset, count, name: name)
      }
    }
  }

  /// The digest of the stream in the report, unless the stream is compressed otherwise than when it
  /// was written.
  var streamDigest: String? {
    guard let report else { return nil }
    return encoding == report.compressed.map { .compressed($0) } ?? .raw ? report.digest : nil
  }

  /// The disk's size, or an error if it is not known.
  func knownSize() throws(Failure) -> UInt64 {
    if let size { return size }
    throw .usage(
      "\(name): does not say how large the disk is: give --size SIZE, or --report-of FILE if "
        + "write made a report")
  }

  /// The plugin's parameters.
  func parameters(size: UInt64, extra: [String] = []) -> [String] {
    var parameters = [command.map { "read-command=\($0)" } ?? "read=-", "size=\(size)"]
    if case .compressed(let compression) = encoding {
      parameters.append("decompress=\(compression)")
    }
    return parameters + extra
  }

  /// A pump for the stream, and the end of its pipe that nbdkit gets; neither for a command.
  func pump() throws(Failure) -> (pump: Pump, end: FileDescriptor)? {
    guard let file else { return nil }
    let pipe = try Pipe()
    return (Pump(from: file, into: pipe.writing, name: name), pipe.reading)
  }
}
