internal import ArgumentParser
internal import Glibc
internal import SystemPackage

/// Makes a stream into an image.
struct Restore: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a disk image of a stream.",
    usage: """
      stream-disk restore [<options>] (<stream> | -) <image>
      stream-disk restore [<options>] --from-command <command> <image>
      """)

  @Argument(
    help: ArgumentHelp(
      "The stream, a file or - for standard input, and the image to make: a file, or an NBD export "
        + "or block device that is there.", valueName: "stream> <image"),
    completion: .file())
  var names: [String] = []

  @Flag(help: "Replace an image that is there, or write into a block device.")
  var force = false

  @OptionGroup var stream: StreamOptions
  @OptionGroup var common: CommonOptions

  private var image: String { names.last ?? "" }

  func validate() throws {
    let wanted = stream.fromCommand == nil ? 2 : 1
    guard names.count == wanted, names.allSatisfy({ !$0.isEmpty }) else {
      throw ValidationError(
        wanted == 2
          ? "give the stream, or - for standard input, and the image to make"
          : "--from-command: give one name, that of the image to make")
    }
  }

  /// qcow2 for `.qcow2` and so on; raw otherwise.
  static func format(of name: String) -> String {
    let suffixes = [
      "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhdx": "vhdx", "vhd": "vpc", "vpc": "vpc",
    ]
    guard !Image.isURI(name), let dot = name.lastIndex(of: ".") else { return "raw" }
    return suffixes[name[name.index(after: dot)...].lowercased()] ?? "raw"
  }

  func run() async throws {
    Interruption.shared.begin()
    let source = try Source(names.count == 2 ? names[0] : nil, stream)
    let size = try source.knownSize()
    let format = common.format ?? Self.format(of: image)
    let isDevice = try !Image.isURI(image) && FileStatus(image)?.kind == .blockDevice
    if isDevice, !force {
      throw Failure("\(image): is a block device, which would be overwritten: --force does that")
    }
    let isInPlace = isDevice || Image.isURI(image)
    if common.prints { return print(printed(source, size, format, isInPlace)) }

    if names.count == 2, names[0] != "-", !Image.isURI(image), try isSameFile(names[0], image) {
      throw Failure("\(image): is the stream itself: give another name")
    }
    guard size % 512 == 0 else {
      throw Failure(
        "\(source.name): is a disk of \(size) bytes: an image has whole sectors of 512 bytes")
    }
    if source.report?.diskDigest != nil, !isInPlace, !Client.isInstalled("nbdcopy") {
      throw Failure("nbdcopy is not installed: it reads the image to compare its digest")
    }
    let file =
      isInPlace ? nil : try FileAside(image, for: .image(mayReplace: force))
    let workspace: Workspace
    do { workspace = try Workspace() } catch {
      file?.discard()
      throw error
    }
    defer {
      file?.discard()
      workspace.remove()
    }
    try await restore(source, size, format, file, workspace)
  }

  private func restore(
    _ source: Source, _ size: UInt64, _ format: String, _ file: FileAside?, _ workspace: Workspace
  ) async throws(Failure) {
    let carried = try source.pump()
    let progress = Progress(common.progressStyle, size: size) { carried?.pump.bytes }
    carried?.pump.start(beginning: source.beginning)
    let client =
      file.map { Client.making($0.part, format: format) }
      ?? Client.writing(into: image, format: format)
    // What is in place may be larger than the disk, so the digest is that of what is copied.
    var digests: [String] = []
    if source.report?.diskDigest != nil, file == nil { digests.append("disk-digest=sha256") }
    if source.streamDigest != nil { digests.append("digest=sha256") }
    // It is open from before the first write, so that a sync reports every one that failed.
    let device = file == nil && !Image.isURI(image) ? try open(image) : nil
    defer { try? device?.close() }
    let run = Run(
      parameters: source.parameters(size: size, extra: digests), client: client,
      input: carried?.end, output: command(), progress: progress)
    do throws(Failure) {
      let result = try await run(workspace)
      if let inUse = Image.inUse(image, result.clientErrors) { throw inUse }
      try Judgement.check(result, pump: carried?.pump.failure)
      try Judgement.checkIsSilent(result)
      try await flush(device)
      if let digest = source.streamDigest {
        try expect(digest, result.report?.digest, of: "stream")
      }
      if let digest = source.report?.diskDigest {
        let found =
          if let file {
            try await Digest.ofImage(file.part, format: format)
          } else {
            result.report?.diskDigest
          }
        try expect(digest, found, of: "disk")
      }
      try file?.keep()
    } catch {
      throw file == nil && error.status != .usage && progress.hasMoved
        ? Failure(
          "\(error.about(source.name).message); \(image) may hold a part of the disk",
          status: error.status)
        : error.about(source.name)
    }
    common.tell(
      "\(image): whole: \(human(size)) from \(source.name), in \(human(progress.seconds))")
  }

  private func expect(_ digest: String, _ found: String?, of what: String) throws(Failure) {
    guard found == digest else {
      throw Failure(
        "the \(what)'s digest is \(found ?? "not known"), and the report's is \(digest)")
    }
  }

  /// Has what was written in place reach the disk: qemu-img does not report if that fails.
  private func flush(_ device: FileDescriptor?) async throws(Failure) {
    if let device {
      do { try waitForDisk(device) } catch { throw Failure(image, error) }
    } else if Image.isURI(image), !Client.flushes(image, format: common.format) {
      let (ended, _, errors) = try await Child.ask(
        ["qemu-io", "-f", "raw", "-c", "flush", image])
      guard ended.isSuccess else {
        let reason = lastLine(errors, of: "qemu-io") ?? "the export can't be flushed"
        throw Failure(
          "\(image): \(reason): install nbdcopy, or have the export take a second connection")
      }
    }
  }

  private func open(_ device: String) throws(Failure) -> FileDescriptor {
    do {
      return try FileDescriptor.open(FilePath(device), .readOnly, options: .closeOnExec)
    } catch {
      throw Failure(device, error as? Errno ?? .ioError)
    }
  }

  /// What a command prints besides the stream goes where this command's output goes.
  private func command() -> FileDescriptor? {
    try? FileDescriptor.standardOutput.duplicate()
  }

  private func printed(
    _ source: Source, _ size: UInt64, _ format: String, _ isInPlace: Bool
  ) -> String {
    let client =
      isInPlace
      ? Client.writing(into: image, format: format, shows: false)
      : Client.making(absolute(image), format: format, shows: false)
    let input = source.command == nil && names[0] != "-" ? names[0] : nil
    return Run.printed(
      source.parameters(size: size), client, report: "report.json", input: input)
  }
}
