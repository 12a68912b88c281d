import Testing

/// A command line that has to be refused: before `--run`, in one clear line, changing nothing.
struct Refusal: Sendable, CustomTestStringConvertible {
  private let what: String
  private let ground: String
  private let options: [String]
  private let parameters: [String]
  private let name: String
  private let words: [String]

  /// - Parameters:
  ///   - what: What is wrong, for the test's name.
  ///   - ground: Shell commands that make what the parameters are about.
  ///   - options: nbdkit's own.
  ///   - others: Parameters that are in order.
  ///   - parameter: The one that is not, or `nil` where the endpoint is missing. The line has to
  ///     name it as it was given.
  ///   - name: What the line has to call it where that is not as it was given.
  ///   - words: What else the line has to contain.
  init(
    _ what: String, where ground: String = ":", options: [String] = ["-U", "-"],
    beside others: [String] = [], of parameter: String?, called name: String? = nil,
    says words: String...
  ) {
    self.what = what
    self.ground = ground
    self.options = options
    parameters = others + (parameter.map { [$0] } ?? [])
    // nbdkit puts the magic key before a bare value; a message stays one line.
    self.name =
      name ?? parameter.map { ($0.contains("=") ? $0 : "pipe=\($0)").replacing("\n", with: "?") }
      ?? "pipe"
    self.words = words
  }

  var testDescription: String { what }

  /// - Parameters:
  ///   - prefix: What runs nbdkit, such as `nobody`.
  ///   - serverLines: How many lines nbdkit itself prints before the plugin's.
  func check(
    under prefix: [String] = [], serverLines: Int = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let sandbox = try Sandbox.current()
    let directory = sandbox.path("here")
    try await sandbox.succeed(
      "/bin/sh", "-ec", "umask 022; mkdir '\(directory)'; cd '\(directory)'; \(ground)")
    let before = try await listing(of: directory)

    let run = options.contains("-s") ? [] : ["--run", "echo ran"]
    // In the directory, since a relative path has to be named as it was given.
    let nbdkit = try await sandbox.start(
      prefix + ["env", "-C", directory, "nbdkit"] + options + [try await Plugin.readableByAll()]
        + parameters + run)
    #expect(try await nbdkit.exit() == .exited(1), sourceLocation: sourceLocation)
    #expect(nbdkit.output == "", "--run never ran", sourceLocation: sourceLocation)

    let lines = nbdkit.errors.split(separator: "\n")
    #expect(lines.count == serverLines + 1, sourceLocation: sourceLocation)
    let line = lines.last ?? ""
    #expect(line.hasPrefix("nbdkit: error: \(name): "), sourceLocation: sourceLocation)
    for word in words { #expect(line.contains(word), sourceLocation: sourceLocation) }
    #expect(try await listing(of: directory) == before, sourceLocation: sourceLocation)
  }

  /// Runs what follows as a user without any right. Needs root.
  static let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

  /// Everything that a slip could change: names, kinds, owners, times and contents.
  private func listing(of directory: String) async throws -> String {
    try await Sandbox.current().succeed(
      "/bin/sh", "-ec",
      """
      cd '\(directory)'
      find . -printf '%P %y %i %U %m %s %T@ %C@ %l\\n' | sort
      find . -type f -exec sha256sum {} +
      """
    ).output
  }
}

extension Plugin {
  /// A copy, since the package may lie where only its owner may enter.
  static func readableByAll() async throws -> String {
    let sandbox = try Sandbox.current()
    let copy = sandbox.path("nbdkit-streaming-plugin.so")
    try await sandbox.succeed("install", "-m", "644", try path(), copy)
    return copy
  }
}
