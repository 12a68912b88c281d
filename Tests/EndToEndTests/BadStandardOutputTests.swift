import Testing

@Suite("pipe=- is refused before anything runs", .endToEnd, .requires("nbdkit"))
struct BadStandardOutputTests {
  @Test(
    "where standard output takes no stream",
    arguments: [
      Refusal("a regular file", of: "pipe=-", says: "regular file"),
      Refusal("the client's with -s", options: ["-s"], of: "pipe=-", says: "-s"),
    ])
  func refused(_ refusal: Refusal) async throws { try await refusal.check() }

  @Test("on a terminal")
  func terminal() async throws {
    // Opening ptmx makes a new one.
    try await Refusal("", of: "pipe=-", says: "terminal").check(
      under: ["/bin/sh", "-c", "exec \"$@\" >/dev/ptmx", "sh"])
  }
}
