internal import Glibc
internal import Synchronization
internal import SystemPackage

/// One stream: nbdkit with the plugin, and a client that writes or reads the disk.
struct Run {
  /// The plugin's parameters except `report=`.
  var parameters: [String]
  /// The client's command line, with its progress on standard output; `$uri` stands for the disk.
  var client: [String]
  /// nbdkit's standard streams, which a command at the stream's other end shares.
  var input: FileDescriptor?
  var output: FileDescriptor?
  /// Whether the stream goes to a program, which may have more to read when all is copied.
  var hasReader = false
  var progress: Progress
  /// Takes what the client prints, if the client prints the disk.
  var reader: Pump?
  var readerInput: FileDescriptor?

  /// What became of the stream.
  struct Result {
    var client: Child.Ended
    var clientName: String
    var clientErrors = ""
    var clientOutput = ""
    /// The plugin's own report, if there is one.
    var report: Report?
    var reportText: String?
    /// What nbdkit said.
    var serverErrors = ""
  }

  /// The plugin's name for nbdkit, or its file.
  static var plugin: String {
    guard let path = getenv("STREAM_DISK_PLUGIN") else { return "streaming" }
    return absolute(String(cString: path))
  }

  /// The same for a shell, with nbdkit's own `--run`. A file comes in through a pipe, as the plugin
  /// does not take a file for an endpoint.
  static func printed(
    _ parameters: [String], _ client: [String], report: String, input: String? = nil
  ) -> String {
    let client = client.map { $0 == "$uri" ? "\"$uri\"" : quoted($0) }.joined(separator: " ")
    return (input.map { "cat <\(quoted($0)) | " } ?? "")
      + "nbdkit -U - \(quoted(plugin)) \(parameters.map(quoted).joined(separator: " ")) "
      + "report=\(quoted(report)) --run \(quoted(client))"
  }

  /// Runs both to their end, whatever happens. Between the client's end and nbdkit's, `afterwards`
  /// may ask the server more.
  func callAsFunction(
    _ workspace: Workspace,
    afterwards: (Result) async throws(Failure) -> Void = { (_) throws(Failure) in }
  ) async throws(Failure) -> Result {
    try Interruption.shared.check()
    let complaints = try Pipe()
    let relay = Relay(complaints.reading)
    // The server ends by SIGTERM when this process ends, in whatever way.
    let server = try await Child.start(
      [
        "nbdkit", "--exit-with-parent", "-f", "-U", workspace.socket, "-P", workspace.pidFile,
        Self.plugin,
      ] + parameters + (progress.style == .json ? ["progress=json"] : [])
        + ["report=\(workspace.report)"],
      Child.Streams(input: input, output: output, errors: complaints.writing))

    var result = Result(client: .exited(1), clientName: client[0])
    var failure: Failure?
    if await isReady(server, workspace) {
      do {
        result = try await runClient(workspace)
        if hasReader, result.client.isSuccess { Interruption.shared.copied() }
        try await afterwards(result)
      } catch { failure = error }
    }
    // It does not end because its client leaves: what there is to say about the stream is said at
    // the end.
    server.signal(SIGTERM)
    _ = await server.end()
    progress.end()
    result.serverErrors = await relay.end()
    if let text = try? contents(of: workspace.report) {
      result.report = try? Report(parsing: text)
      result.reportText = String(decoding: text, as: UTF8.self)
    }
    try Interruption.shared.check()
    if let failure { throw failure }
    return result
  }

  /// nbdkit writes its process number when clients may connect.
  private func isReady(_ server: Child, _ workspace: Workspace) async -> Bool {
    while server.isRunning {
      if access(workspace.pidFile, F_OK) == 0 { return Interruption.shared.failure == nil }
      try? await Task.sleep(for: .milliseconds(2))
    }
    return false
  }

  private func runClient(_ workspace: Workspace) async throws(Failure) -> Result {
    let printed = try reader == nil ? Pipe() : nil
    let complaints = try Pipe()
    let child = try await Child.start(
      client.map { $0 == "$uri" ? workspace.uri : $0 },
      Child.Streams(output: printed?.writing ?? readerInput, errors: complaints.writing))
    async let errors = waiting { readAll(complaints.reading) }
    async let output = waiting { printed.map { follow($0.reading) } ?? [] }
    reader?.start()
    let ended = await child.end()
    return Result(
      client: ended, clientName: client[0],
      clientErrors: String(decoding: await errors, as: UTF8.self),
      clientOutput: String(decoding: await output, as: UTF8.self))
  }

  /// Notes the progress that a client prints, and returns the rest.
  private func follow(_ descriptor: FileDescriptor) -> [UInt8] {
    defer { try? descriptor.close() }
    var lines = ClientProgress()
    var buffer = [UInt8](repeating: 0, count: 4096)
    while let count = try? buffer.withUnsafeMutableBytes({ try descriptor.read(into: $0) }),
      count > 0
    {
      if let permille = lines.take(buffer[..<count]) { progress.reach(permille) }
    }
    return lines.text
  }
}

/// Passes on what the command at the stream's other end prints on nbdkit's standard error, and
/// keeps what nbdkit prints itself: the report says that better, if there is one.
private final class Relay: Sendable {
  /// How nbdkit's own lines begin.
  private static let beginnings = ["nbdkit: ", "Use 'nbdkit --help'"].map { Array($0.utf8) }

  private let kept = Mutex("")
  private let isOver = Mutex(false)

  init(_ descriptor: FileDescriptor) {
    onThread {
      var line: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 4096)
      while let count = try? buffer.withUnsafeMutableBytes({ try descriptor.read(into: $0) }),
        count > 0
      {
        for byte in buffer[..<count] {
          line.append(byte)
          let server = Self.beginnings.first { $0.starts(with: line.prefix($0.count)) }
          let mayBeServer = server != nil
          guard byte == 0x0A || byte == 0x0D || !mayBeServer || line.count >= 1 << 16 else {
            continue
          }
          if let server, line.count > server.count {
            guard byte == 0x0A else { continue }
            self.kept.withLock { $0 += String(decoding: line, as: UTF8.self) }
          } else {
            write(String(decoding: line, as: UTF8.self), to: STDERR_FILENO)
          }
          line = []
        }
      }
      try? descriptor.close()
      self.isOver.withLock { $0 = true }
    }
  }

  /// What nbdkit has printed. A process that the command left behind may hold the other end for
  /// ever.
  func end() async -> String {
    for _ in 0..<200 where !isOver.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(5)) }
    return kept.withLock { $0 }
  }
}
