internal import ArgumentParser
internal import Glibc

/// The options that all three commands take.
struct CommonOptions: ParsableArguments {
  @Option(
    name: [.short, .customLong("image-format")],
    help: ArgumentHelp("The image's format, as qemu-img names it.", valueName: "format"))
  var format: String?

  @Flag(name: .shortAndLong, help: "Say nothing unless something is wrong.")
  var quiet = false

  @Option(
    help: ArgumentHelp(
      "Show progress as a line on the terminal, as JSON once a second, or not at all.",
      valueName: "json|line|none"))
  var progress: ProgressStyle?

  @Flag(name: .customLong("print"), help: "Print the nbdkit command instead of running it.")
  var prints = false

  /// On a terminal by default, as nbdcopy and zstd do.
  var progressStyle: ProgressStyle {
    progress ?? (quiet || isatty(STDERR_FILENO) == 0 ? .none : .line)
  }

  func tell(_ message: String) {
    if !quiet { say(message) }
  }
}

/// How the stream of `restore` and `verify` comes, and what is known of it.
struct StreamOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The stream is what this shell command writes.", valueName: "command"))
  var fromCommand: String?

  @Option(help: ArgumentHelp("The disk's size, as 10737418240 or 10G.", valueName: "size"))
  var size: String?

  @Option(
    help: ArgumentHelp(
      "The report that write made: it tells size, compression and digests.", valueName: "file"))
  var reportOf: String?

  @Flag(help: "The stream is compressed by zstd.")
  var zstd = false

  @Flag(help: "The stream is compressed by gzip.")
  var gzip = false

  @Flag(help: "The stream is a raw disk, whatever it begins with.")
  var raw = false

  func validate() throws {
    guard [zstd, gzip, raw].count(where: { $0 }) < 2 else {
      throw ValidationError("--zstd, --gzip and --raw: give one of them")
    }
    if let size, Size(size) == nil {
      throw ValidationError("--size \(size): is not a size: give bytes, as 10737418240, or as 10G")
    }
  }

  /// What an option says.
  var encoding: Encoding? {
    zstd ? .compressed(.zstd) : gzip ? .compressed(.gzip) : raw ? .raw : nil
  }
}
