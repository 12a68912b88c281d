import Testing

@Suite("With exitlast", .endToEnd, .requires("nbdkit", "nbdcopy", "pv"))
struct ExitlastTests {
  @Test("and --run, a reader that is still reading when the command ends gets everything")
  func readerTakesLonger() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 2.mib, data: [0..<2.mib])
    let report = sandbox.path("report")
    let fifo = try sandbox.fifo()
    let reader = try await sandbox.reader("pv -q -L 2m", of: fifo)
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", "size=2M", "report=\(report)", options: ["--filter=exitlast"],
      run: "nbdcopy --synchronous '\(image)' \"$uri\"")
    // nbdkit ends by itself when the client leaves: the SIGTERM of --run, which comes when the
    // command ends, is the first one then, and nobody's impatience.
    #expect(try await nbdkit.exit() == .exited(0))
    try await reader.end()
    expectEqual(reader.file, image)
    #expect(nbdkit.errors == "")
    #expect(try Report(report).outcome == "complete")
  }
}
