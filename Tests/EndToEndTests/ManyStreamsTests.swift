import SystemPackage
import Testing

@Suite("Many streams at once", .endToEnd(limit: .seconds(180)))
struct ManyStreamsTests {
  @Test("each carry the image of their own client", .requires("nbdkit", "qemu-img"))
  func many() async throws {
    let sandbox = try Sandbox.current()
    let gate = try sandbox.fifo("gate")
    // Its own opening for both keeps it open for all.
    let opened = try FileDescriptor.open(FilePath(gate), .readWrite)
    defer { try? opened.close() }

    var streams: [(nbdkit: Child, reader: Reader, image: String, report: String)] = []
    for number in 0..<32 {
      // More data than a pipe holds, elsewhere in each image.
      let start = number * 32.kib
      let image = try sandbox.image("image\(number)", size: 4.mib, data: [start..<start + 2.mib])
      let fifo = try sandbox.fifo("fifo\(number)")
      let report = sandbox.path("report\(number)")
      // None reads, and so none of the streams ends, before all have begun.
      let reader = try await sandbox.reader(
        "sh -c 'read go <\(gate); exec cat'", of: fifo, to: "stream\(number)")
      let nbdkit = try await sandbox.nbdkit(
        "pipe=\(fifo)", "size=4M", "report=\(report)",
        run: "qemu-img convert -n -f raw -O raw '\(image)' \"$uri\"")
      streams.append((nbdkit, reader, image, report))
    }
    #expect(streams.allSatisfy { $0.nbdkit.isRunning })
    try opened.writeAll(String(repeating: "\n", count: streams.count).utf8)

    for stream in streams {
      #expect(try await stream.nbdkit.exit() == .exited(0))
      try await stream.reader.end()
      expectEqual(stream.reader.file, stream.image)
      #expect(try Report(stream.report).outcome == "complete")
    }
  }
}
