internal import ArgumentParser
internal import Glibc
internal import SystemPackage

/// Makes an image into a stream.
struct Write: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a stream of a disk image.",
    usage: "stream-disk write [<options>] <image> (-o <file> | -c <command> | -)")

  @Argument(help: "The disk image: a file, a block device, or the URI of an NBD export.")
  var image: String

  @Argument(help: ArgumentHelp("- for standard output.", valueName: "-"))
  var standardOutput: String?

  @Option(
    name: [.short, .customLong("output")],
    help: ArgumentHelp(
      "Write this file, which gets its name only when it is whole.", valueName: "file"),
    completion: .file())
  var output: String?

  @Option(
    name: [.short, .customLong("command")],
    help: ArgumentHelp(
      "Write to this shell command, which sees the end of its input only if the disk is whole.",
      valueName: "command"))
  var command: String?

  @Option(
    help: ArgumentHelp("Compress by zstd: --zstd, or --zstd=LEVEL, 1 to 19.", valueName: "level"))
  var zstd: Int?

  @Option(
    help: ArgumentHelp("Compress by gzip: --gzip, or --gzip=LEVEL, 0 to 9.", valueName: "level"))
  var gzip: Int?

  @Option(
    name: .customLong("format"),
    help: ArgumentHelp(
      "What the stream is: raw, vhd, tar, vmdk, rbd-diff or rbd-image.", valueName: "format"))
  var streamFormat: String?

  @Flag(help: "Put the SHA-256 of the stream into the report.")
  var digest = false

  @Flag(help: "Put the SHA-256 of the disk, with its zeroes, into the report.")
  var diskDigest = false

  @Option(
    help: ArgumentHelp("Write what became of the stream there, as JSON.", valueName: "file"),
    completion: .file())
  var report: String?

  @OptionGroup var common: CommonOptions

  func validate() throws {
    if let standardOutput, standardOutput != "-" {
      throw ValidationError(
        "\(standardOutput): give -o \(quoted(standardOutput)) to write that file")
    }
    let targets = [output, command, standardOutput].count { $0 != nil }
    guard targets == 1 else {
      throw ValidationError(
        targets == 0
          ? "say where the stream goes: -o FILE, -c COMMAND or - for standard output"
          : "-o, -c and -: give one of them")
    }
    guard zstd == nil || gzip == nil else {
      throw ValidationError("--zstd and --gzip: give one of them")
    }
    for (compression, level) in [(Compression.zstd, zstd), (.gzip, gzip)] {
      if let level, !compression.levels.contains(level) {
        let levels = compression.levels
        throw ValidationError(
          "--\(compression)=\(level): give a level of \(levels.lowerBound) to \(levels.upperBound)")
      }
    }
    if let output, let named = Compression(named: output), (named == .zstd ? zstd : gzip) == nil {
      throw ValidationError("-o \(output): give --\(named) to compress it so, or another name")
    }
    if output == "" { throw ValidationError("-o: empty: give the name of a file") }
    if report == "" { throw ValidationError("--report: empty: give the name of a file") }
    if command == "" { throw ValidationError("-c: empty: give a shell command") }
    if let streamFormat, !Self.formats.contains(streamFormat) {
      throw ValidationError(
        "--format \(streamFormat): unknown format: give one of "
          + Self.formats.joined(separator: ", "))
    }
    if streamFormat == "vmdk", let compression = zstd != nil ? "zstd" : gzip != nil ? "gzip" : nil {
      throw ValidationError(
        "--\(compression): --format vmdk compresses by itself: leave one out")
    }
  }

  private static let formats = ["raw", "vhd", "tar", "vmdk", "rbd-diff", "rbd-image"]
  /// What a disk's size has to be a multiple of, in bytes.
  private static let units: [String: UInt64] = ["vhd": 1 << 20, "tar": 1 << 30, "vmdk": 64 << 10]

  /// The plugin's parameters, in the order in which people would write them.
  func parameters(size: UInt64) -> [String] {
    var parameters = [command.map { "write-command=\($0)" } ?? "-", "size=\(size)"]
    if let streamFormat { parameters.append("format=\(streamFormat)") }
    if let zstd { parameters += ["compress=zstd", "compress-level=\(zstd)"] }
    if let gzip { parameters += ["compress=gzip", "compress-level=\(gzip)"] }
    if digest { parameters.append("digest=sha256") }
    if diskDigest { parameters.append("disk-digest=sha256") }
    return parameters
  }

  func run() async throws {
    if standardOutput != nil, !common.prints, isatty(STDOUT_FILENO) != 0 {
      throw Failure.usage("-: standard output is a terminal: send it into a file or a command")
    }
    Interruption.shared.begin()
    try checkNames()
    // An old report goes first: it would be taken for this stream's whatever fails from here on.
    let report =
      common.prints ? nil : try report.map { path throws(Failure) in try ReportFile(path) }
    let image = try await Image.find(image, format: common.format)
    if let streamFormat, let unit = Self.units[streamFormat], image.size % unit != 0 {
      throw Failure(
        "\(image.name): has \(image.size) bytes: --format \(streamFormat) takes multiples of "
          + "\(human(unit)): make the image larger by qemu-img resize")
    }
    if common.prints { return print(printed(image)) }

    let file = try output.map { name throws(Failure) in try FileAside(name, for: .stream) }
    let workspace: Workspace
    do { workspace = try Workspace() } catch {
      file?.discard()
      throw error
    }
    defer {
      file?.discard()
      workspace.remove()
    }
    try await stream(image, file, report, workspace)
  }

  /// Refuses a name that would be given to two things.
  private func checkNames() throws(Failure) {
    guard let output else { return }
    if let report, try isSameFile(report, output) {
      throw .usage("--report \(report): that is the stream's own name: give another one")
    }
    if !Image.isURI(image), try isSameFile(image, output) {
      throw .usage("-o \(output): that is the image itself: give another name")
    }
  }

  private func stream(
    _ image: Image, _ file: FileAside?, _ report: ReportFile?, _ workspace: Workspace
  ) async throws(Failure) {
    let (serverOutput, pump) = try output(to: file)
    let progress = Progress(common.progressStyle, size: image.size) { pump?.bytes }
    pump?.start()
    let run = Run(
      parameters: parameters(size: image.size), client: Client.reading(image), output: serverOutput,
      hasReader: file == nil, progress: progress)
    var result: Run.Result?
    do throws(Failure) {
      let ended = try await run(workspace)
      result = ended
      let failure = await pump?.end() ?? nil
      try Judgement.check(ended, pump: failure)
      try file?.keep()
    } catch {
      try report?.write(result, failure: error)
      throw error.about(image.name)
    }
    try report?.write(result, failure: nil)
    let bytes = result?.report?.outputBytes ?? pump?.bytes
    let into = output ?? (command == nil ? "standard output" : "the command")
    common.tell(
      "\(image.name): whole: \(human(image.size)) into \(into)"
        + (bytes.map { ", \(human($0))" } ?? "") + ", in \(human(progress.seconds))")
  }

  /// What nbdkit gets for its standard output, and the pump behind it if the stream goes into a
  /// regular file: the plugin does not take a regular file for an endpoint.
  private func output(to file: FileAside?) throws(Failure) -> (FileDescriptor, Pump?) {
    let into: FileDescriptor
    if let file {
      into = try file.open()
    } else {
      do { into = try .standardOutput.duplicate() } catch {
        throw Failure("standard output", error as? Errno ?? .ioError)
      }
      guard standardOutput != nil, FileStatus(into.rawValue)?.kind == .regular else {
        return (into, nil)
      }
    }
    let pipe = try Pipe()
    let isRaw = zstd == nil && gzip == nil
    let pump = Pump(
      from: pipe.reading, into: into, name: file?.name ?? "standard output",
      keepsHoles: file != nil && isRaw)
    return (pipe.writing, pump)
  }

  private var reportName: String { report ?? output.map { "\($0).report" } ?? "report.json" }

  /// The same for a shell, with nbdkit's own `--run`.
  private func printed(_ image: Image) -> String {
    let line = Run.printed(
      parameters(size: image.size), Client.reading(image, shows: false),
      report: reportName)
    guard let output else { return line }
    // Half a disk never gets the name, and a report that is found is this stream's.
    let (report, part) = (quoted(reportName), quoted("\(output).part"))
    return "rm -f \(report) && \(line) | cat >\(part) && "
      + "jq -e '.outcome == \"complete\"' \(report) && mv \(part) \(quoted(output))"
  }
}

extension Failure {
  /// Puts the name of what it is about in front, if it is not there yet.
  func about(_ name: String) -> Failure {
    if case .signal = status { return self }
    return message.hasPrefix(name) ? self : Failure("\(name): \(message)", status: status)
  }
}
