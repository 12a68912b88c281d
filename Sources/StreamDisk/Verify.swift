internal import ArgumentParser
internal import Glibc
internal import SystemPackage

/// Checks whether a stream and an image hold the same bytes.
struct Verify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check that a stream and a disk image hold the same bytes.",
    usage: """
      stream-disk verify [<options>] (<stream> | -) <image>
      stream-disk verify [<options>] --from-command <command> <image>
      stream-disk verify [<options>] --report-of <file> (<stream> | -)
      """)

  @Argument(
    help: ArgumentHelp(
      "The stream, a file or - for standard input, and the image. Without an image the digest in "
        + "the report of --report-of is held against it.", valueName: "stream> <image"),
    completion: .file())
  var names: [String] = []

  @OptionGroup var stream: StreamOptions
  @OptionGroup var common: CommonOptions

  private var streamName: String? { stream.fromCommand == nil ? names.first : nil }
  private var image: String? {
    let rest = names.dropFirst(stream.fromCommand == nil ? 1 : 0)
    return rest.first
  }

  func validate() throws {
    let streams = stream.fromCommand == nil ? 1 : 0
    guard names.count == streams + 1 || names.count == streams && stream.reportOf != nil,
      names.allSatisfy({ !$0.isEmpty })
    else {
      throw ValidationError(
        streams == 1
          ? "give the stream, or - for standard input, and the image, or --report-of"
          : "--from-command: give one name, that of the image, or --report-of")
    }
  }

  func run() async throws {
    Interruption.shared.begin()
    let source = try Source(streamName, stream)
    let workspace = try Workspace()
    defer { workspace.remove() }
    if let image {
      let image = try await Image.find(image, format: common.format)
      let size = source.size ?? image.size
      guard size == image.size else {
        throw Failure(
          "\(source.name): is a disk of \(size) bytes, and \(image.name) one of \(image.size)")
      }
      try await compare(source, image, workspace)
    } else if let report = source.report {
      try await hash(source, report, workspace)
    }
  }

  /// Compares by qemu-img, which reads no hole of either side.
  private func compare(
    _ source: Source, _ image: Image, _ workspace: Workspace
  ) async throws(Failure) {
    // What differs is looked at once more, and is in the 2 MiB that qemu-img compares at a time.
    let parameters = source.parameters(size: image.size, extra: ["rewind=8M"])
    if common.prints {
      return print(
        Run.printed(
          parameters, Client.comparing(image, shows: false), report: "report.json",
          input: streamName == "-" ? nil : streamName))
    }
    let carried = try source.pump()
    let progress = Progress(common.progressStyle, size: image.size) { carried?.pump.bytes }
    carried?.pump.start(beginning: source.beginning)
    let run = Run(
      parameters: parameters, client: Client.comparing(image), input: carried?.end,
      output: try? FileDescriptor.standardOutput.duplicate(), progress: progress)
    let difference = Difference()
    let result = try await run(workspace) { (result) throws(Failure) in
      guard result.client == .exited(1), let sector = Difference.sector(result.clientOutput) else {
        return
      }
      await difference.find(sector, image, workspace)
    }
    if let offset = difference.text(result.clientOutput), result.client == .exited(1) {
      throw Failure("\(source.name) and \(image.name) differ at \(offset)")
    }
    do { try Judgement.check(result, pump: carried?.pump.failure) } catch {
      throw error.about(source.name)
    }
    common.tell(
      "\(source.name): whole: the same \(human(image.size)) as \(image.name), in "
        + human(progress.seconds))
  }

  /// Prints the digest, for a shell.
  private func printed(_ source: Source, _ report: Report) throws(Failure) -> String {
    let input = streamName == "-" ? nil : streamName
    guard report.diskDigest != nil else {
      return (source.command.map { "\($0) | " } ?? "") + "sha256sum"
        + (input.map { " <\(quoted($0))" } ?? "")
    }
    return Run.printed(
      source.parameters(size: try source.knownSize()), ["nbdcopy", "$uri", "-"],
      report: "report.json", input: input) + " | sha256sum"
  }

  /// Compares with the digest of the disk in the report, or with that of the stream.
  private func hash(
    _ source: Source, _ report: Report, _ workspace: Workspace
  ) async throws(Failure) {
    let path = stream.reportOf ?? ""
    guard let digest = report.diskDigest ?? report.digest else {
      throw Failure("\(path): has no digest: write makes one with --disk-digest or --digest")
    }
    if common.prints { return print(try printed(source, report)) }
    let progress: Progress
    let found: String
    if report.diskDigest != nil {
      let size = try source.knownSize()
      let hashing = try await Digest.Hashing()
      let output = try Pipe()
      let disk = Pump(from: output.reading, into: hashing.input, name: "sha256sum")
      progress = Progress(common.progressStyle, size: size) { nil }
      let carried = try source.pump()
      carried?.pump.start(beginning: source.beginning)
      let run = Run(
        parameters: source.parameters(size: size), client: ["nbdcopy", "$uri", "-"],
        input: carried?.end, progress: progress, reader: disk, readerInput: output.writing)
      let result = try await run(workspace)
      do throws(Failure) {
        try Judgement.check(result, pump: carried?.pump.failure)
        if let failure = await disk.end() { throw failure }
      } catch {
        throw error.about(source.name)
      }
      found = try await hashing.end()
    } else {
      progress = Progress(common.progressStyle, size: source.length ?? 0) { nil }
      found = try await Digest.ofStream(source)
      progress.end()
    }
    guard found == digest else {
      throw Failure("\(source.name): its digest is \(found), and that in \(path) is \(digest)")
    }
    common.tell(
      "\(source.name): whole: its digest is that in \(path), in \(human(progress.seconds))")
  }
}
