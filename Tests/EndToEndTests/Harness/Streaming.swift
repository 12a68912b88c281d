import Testing

/// Lets a client write an image, and expects all to end well and the stream to be the image.
///
/// - Parameters:
///   - image: A raw image to compare the stream with.
///   - client: The command for `--run`; it finds the disk in `$uri`.
///   - size: For `size=`, if that is to be given.
///   - parameters: The plugin's, beyond the endpoint, the size and the report.
///   - options: nbdkit's own.
///   - reader: See `Sandbox.reader`. If `nil`, the stream is compared as it comes and not kept: for
///     images too large for that.
func expectStreamed(
  _ image: String, by client: String, size: Int? = nil, with parameters: [String] = [],
  options: [String] = [], to reader: String? = "cat", leavingHolesOut: Bool = false,
  sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  let sandbox = try Sandbox.current()
  let number = UInt32.random(in: 0...999_999)
  let report = sandbox.path("report\(number)")
  let fifo = try sandbox.fifo("fifo\(number)")
  let compares = reader == nil
  let reader = try await sandbox.reader(
    reader ?? "\(script("compare.py")) '\(image)'", of: fifo, to: "stream\(number)")
  let nbdkit = try await sandbox.nbdkit(
    ["pipe=\(fifo)", "report=\(report)"] + (size.map { ["size=\($0)"] } ?? []) + parameters,
    options: options, run: client)

  #expect(try await nbdkit.exit() == .exited(0), sourceLocation: sourceLocation)
  if leavingHolesOut {
    #expect(nbdkit.errors.contains("bytes were not written"), sourceLocation: sourceLocation)
  } else {
    #expect(nbdkit.errors == "", "nothing to complain of", sourceLocation: sourceLocation)
  }
  try await reader.end()
  if compares {
    #expect(text(of: reader.file) == "", sourceLocation: sourceLocation)
  } else {
    expectEqual(reader.file, image, sourceLocation: sourceLocation)
  }
  let found = try Report(report)
  let outcome = size == nil ? "unknown" : leavingHolesOut ? "short" : "complete"
  #expect(found.outcome == outcome, sourceLocation: sourceLocation)
  #expect(found.bytes == fileSize(image), sourceLocation: sourceLocation)
}

extension Sandbox {
  /// Starts nbdkit, streaming into a FIFO with a report, and a reader of that.
  ///
  /// - Parameters:
  ///   - parameters: The plugin's, beyond the endpoint and the report.
  ///   - reader: See `reader(_:of:to:)`.
  ///   - options: nbdkit's own.
  /// - Returns: Both, and the path of the report.
  func stream(
    _ parameters: String..., reader: String = "cat", options: [String] = []
  ) async throws -> (nbdkit: Nbdkit, reader: Reader, report: String) {
    let fifo = try fifo()
    let report = path("report")
    let reader = try await self.reader(reader, of: fifo)
    let nbdkit = try await nbdkit(
      ["pipe=\(fifo)", "report=\(report)"] + parameters, options: options)
    return (nbdkit, reader, report)
  }
}
