import Testing

/// A disk of which a stream is made in a format, and what its readers find.
struct Formatted: Sendable, CustomTestStringConvertible {
  let format: String
  let size: Int
  /// The plugin's parameters beyond format and size.
  var parameters: [String] = []
  /// Shell command that undoes `compress=`.
  var decoder: String?
  /// The readers to ask; all if empty.
  var readers: [String] = []

  var testDescription: String {
    (["format=\(format)", "size=\(size)"] + parameters).joined(separator: " ")
  }

  /// Data at its start, in its middle and at its end.
  func image() throws -> String {
    try Sandbox.current().image(
      "image", size: size,
      data: [
        0..<64.kib, 1.mib..<3.mib, size / 2 + 512..<size / 2 + 1.mib, size - 512..<size,
      ])
  }

  /// Streams the image by `qemu-img convert` and returns the stream's file.
  ///
  /// - Parameter order: `-W` lets it write in any order.
  func stream(_ image: String, order: String = "-W") async throws -> String {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    // So that who looks at the name knows the tar archive.
    let name = parameters.contains("compress=gzip") ? "stream.gz" : "stream"
    let reader = try await sandbox.reader(of: fifo, to: name)
    let nbdkit = try await sandbox.nbdkit(
      ["pipe=\(fifo)", "size=\(size)", "format=\(format)", "report=\(sandbox.path("report"))"]
        + parameters,
      run: "qemu-img convert -n \(order) -f raw -O raw '\(image)' \"$uri\"")
    #expect(try await nbdkit.exit(within: .seconds(170)) == .exited(0))
    #expect(nbdkit.errors == "")
    try await reader.end()
    #expect(try Report(sandbox.path("report")).outcome == "complete")
    return reader.file
  }

  /// What Scripts/formats.py says: nothing, where all readers find the image.
  func complaints(about stream: String, _ image: String) async throws -> String {
    let sandbox = try Sandbox.current()
    var file = stream
    if let decoder {
      file = sandbox.path("decoded")
      try await sandbox.succeed("/bin/sh", "-c", "\(decoder) <'\(stream)' >'\(file)'")
    }
    let script = try await sandbox.start(
      [pythonOfPip, "-B", scriptPath("formats.py"), format, file, image] + readers)
    let status = try await script.exit(within: .seconds(170))
    #expect(status == .exited(script.output.isEmpty ? 0 : 1))
    return script.output
  }

  /// Expects every reader to find the image.
  func check(order: String = "-W") async throws {
    let image = try image()
    let stream = try await stream(image, order: order)
    #expect(try await complaints(about: stream, image) == "")
  }
}
