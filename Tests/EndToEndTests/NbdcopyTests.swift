import Foundation
import Testing

@Suite("nbdcopy --synchronous", .endToEnd, .requires("nbdkit", "nbdcopy"))
struct NbdcopyTests {
  @Test(
    "streams an image, with size= and without",
    arguments: ["", "--destination-is-zero", "--allocated", "--flush"])
  func file(option: String) async throws {
    let image = try Sandbox.current().image("image")
    let command = "nbdcopy --synchronous \(option) '\(image)' \"$uri\""
    try await expectStreamed(image, by: command, size: 16.mib)
    try await expectStreamed(image, by: command)
  }

  @Test("can start nbdkit itself")
  func bracket() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let report = sandbox.path("report")
    let fifo = try sandbox.fifo()
    let reader = try await sandbox.reader(of: fifo)
    let nbdcopy = try await sandbox.run(
      "nbdcopy", "--synchronous", "--", image,
      "[", "nbdkit", "-f", try Plugin.path(), fifo, "size=16M", "report=\(report)", "]")
    #expect(try await nbdcopy.exit() == .exited(0))
    try await reader.end()
    expectEqual(reader.file, image)
    // It does not wait for nbdkit's end.
    try await eventually("the report") { FileManager.default.fileExists(atPath: report) }
    #expect(try Report(report).outcome == "complete")
  }
}
