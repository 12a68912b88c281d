import Testing

@Suite("A descriptor is refused before anything runs", .endToEnd, .requires("nbdkit"))
struct BadDescriptorTests {
  @Test(
    "where standard output can't take a stream",
    arguments: [
      Refusal("a regular file", of: "pipe=-", says: "regular file"),
      Refusal("the client's with -s", options: ["-s"], of: "pipe=-", says: "-s"),
      Refusal("the client's with -s", options: ["-s"], of: "read=-", says: "-s"),
    ])
  func refused(_ refusal: Refusal) async throws { try await refusal.check() }

  @Test(
    "where write-fd= is of a type that can't take a stream",
    arguments: [
      Refusal("no number", of: "write-fd=seven", says: "'seven'", "number"),
      Refusal("an empty number", of: "write-fd=", says: "number"),
      Refusal("a negative one", of: "write-fd=-1", says: "number"),
      Refusal("one that is not open", of: "write-fd=70", says: "descriptor 70", "not open"),
      Refusal("standard error", of: "write-fd=2", says: "descriptor 2"),
      Refusal("the client's with -s", options: ["-s"], of: "write-fd=1", says: "-s"),
      Refusal("beside another endpoint", beside: ["pipe=one"], of: "write-fd=1", says: "pipe=one"),
    ])
  func number(_ refusal: Refusal) async throws { try await refusal.check() }

  @Test(
    "where write-fd= is something else",
    arguments: [
      ("7>file", "regular file"), ("7</", "reading only"), ("7</dev/zero", "reading only"),
      ("7>/dev/ptmx", "terminal"),
    ])
  func kind(redirection: String, words: String) async throws {
    try await Refusal("", of: "write-fd=7", says: "descriptor 7", words).check(
      under: [
        "/bin/sh", "-c", "cd '\(try Sandbox.current().directory)'; exec \"$@\" \(redirection)",
        "sh",
      ])
  }

  @Test(
    "where there is nothing to read",
    arguments: [
      ("read-fd=7", "7</", "directory"), ("read-fd=7", "7>/dev/null", "writing only"),
      ("read-fd=7", "7<file", "regular file"), ("read-fd=7", "7<>/dev/ptmx", "terminal"),
      ("read=-", "<file", "regular file"), ("read-fd=7", "", "not open"),
    ])
  func unreadable(parameter: String, redirection: String, words: String) async throws {
    let directory = try Sandbox.current().directory
    try await Refusal("", of: parameter, says: words).check(
      under: ["/bin/sh", "-c", "cd '\(directory)'; :>>file; exec \"$@\" \(redirection)", "sh"])
  }

  @Test("on a terminal")
  func terminal() async throws {
    // Opening ptmx makes a new one.
    try await Refusal("", of: "pipe=-", says: "terminal").check(
      under: ["/bin/sh", "-c", "exec \"$@\" >/dev/ptmx", "sh"])
  }
}
