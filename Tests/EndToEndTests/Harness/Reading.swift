import Testing

/// Lets a client read an image that comes as a stream, and expects all to end well.
///
/// - Parameters:
///   - image: A raw image, 16 MiB.
///   - writer: A shell command that writes the stream, to standard output.
///   - client: The command for `--run`; it finds the disk in `$uri` and writes `$out`.
///   - format: Of `$out`, as qemu-img calls it.
///   - parameters: The plugin's, beyond the endpoint, the size and the report.
func expectRead(
  _ image: String, from writer: String, by client: String, format: String = "raw",
  with parameters: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  let sandbox = try Sandbox.current()
  let number = UInt32.random(in: 0...999_999)
  let fifo = sandbox.path("fifo\(number)")
  let report = sandbox.path("report\(number)")
  let out = sandbox.path("out\(number)")
  let nbdkit = try await sandbox.nbdkit(
    ["read=\(fifo)", "size=16M", "report=\(report)"] + parameters,
    run: "out='\(out)'; \(writer) >'\(fifo)' & \(client) && wait $!")
  #expect(try await nbdkit.exit() == .exited(0), sourceLocation: sourceLocation)
  #expect(nbdkit.errors == "", "nothing to complain of", sourceLocation: sourceLocation)
  let compared = try await sandbox.run(
    "qemu-img", "compare", "-f", "raw", "-F", format, image, out)
  #expect(compared.output == "Images are identical.\n", sourceLocation: sourceLocation)
  let found = try Report(report)
  #expect(found.outcome == "complete", sourceLocation: sourceLocation)
  #expect(found.direction == "read", sourceLocation: sourceLocation)
  #expect(found.bytes == 16.mib, sourceLocation: sourceLocation)
}

extension Sandbox {
  /// Writes to a FIFO that is there, by a shell command.
  @discardableResult
  func writer(_ command: String, to fifo: String) async throws -> Child {
    try await start(["/bin/sh", "-c", "exec \(command) >'\(fifo)'"])
  }
}
