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
}
