internal import ArgumentParser
internal import Glibc

/// `stream-disk` makes a disk image into a stream and a stream into a disk image. Whether that is
/// so is the exit status.
@main
struct Command: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "stream-disk",
    abstract: "Stream disk images: write, restore and verify them.",
    discussion: """
      Exit status: 0 whole; 1 failed; 2 wrong usage; 3 short, or not known to be whole; \
      128+N ended by signal N.
      """,
    version: version,
    subcommands: [Write.self, Restore.self, Verify.self])

  static func main() async {
    signal(SIGPIPE, SIG_IGN)
    // If a file may not grow, that is an error and does not end the process.
    signal(SIGXFSZ, SIG_IGN)
    openStandardStreams()
    do {
      try checkArguments()
      var command = try parseAsRoot(withLevels(Array(CommandLine.arguments.dropFirst())))
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      Glibc.exit(0)
    } catch let failure as Failure {
      say(failure.message)
      Glibc.exit(failure.status.code)
    } catch {
      // This is what the parser has to say; help is not a failure.
      guard exitCode(for: error) == .success else {
        write(fullMessage(for: error) + "\n", to: STDERR_FILENO)
        Glibc.exit(Status.usage.code)
      }
      write(fullMessage(for: error) + "\n", to: STDOUT_FILENO)
      Glibc.exit(0)
    }
  }

  /// Refuses what Swift would repair: another file would get the name, or be read.
  private static func checkArguments() throws(Failure) {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let bytes = CommandLine.unsafeArgv[index], String(validatingCString: bytes) == nil
      else { continue }
      throw .usage("\(String(cString: bytes)): is not UTF-8: give a name that is")
    }
  }

  /// Gives descriptors that are closed a place, so that no file is opened under their number. What
  /// is written to them fails, as if they were still closed.
  private static func openStandardStreams() {
    for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
      _ = open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// The parser knows no option whose value may be left out, so the level is added if it is
  /// missing: for `write`, as the other commands take none.
  static func withLevels(_ arguments: [String]) -> [String] {
    guard arguments.first == "write" else { return arguments }
    let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
    return arguments[..<end].map {
      switch $0 {
      case "--zstd": "--zstd=\(Compression.zstd.defaultLevel)"
      case "--gzip": "--gzip=\(Compression.gzip.defaultLevel)"
      default: $0
      }
    } + arguments[end...]
  }
}

/// Prints one line on standard error.
func say(_ message: String) {
  write("stream-disk: \(message)\n", to: STDERR_FILENO)
}

/// Writes all of `text`, whatever becomes of it.
func write(_ text: String, to descriptor: Int32) {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    guard count > 0 || errno == EINTR else { return }
    bytes = bytes.dropFirst(max(0, count))
  }
}
