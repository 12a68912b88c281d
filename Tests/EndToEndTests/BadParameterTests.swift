import Testing

@Suite("A bad parameter is refused before anything runs", .endToEnd)
struct BadParameterTests {
  @Test(
    "a missing endpoint, or one too many", .requires("nbdkit"),
    arguments: [
      Refusal("no parameter at all", of: nil, says: "missing"),
      Refusal("a size alone", beside: ["size=1M"], of: nil, says: "missing"),
      Refusal("pipe= and write=", beside: ["pipe=one"], of: "write=two", says: "pipe=one"),
      Refusal("the same one twice", beside: ["pipe=one"], of: "pipe=one", says: "second"),
      Refusal("two bare names", beside: ["one"], of: "two", says: "pipe=one"),
      Refusal("pipe= and read=", beside: ["pipe=one"], of: "read=two", says: "pipe=one"),
      Refusal("read= and write-fd=", beside: ["read=one"], of: "write-fd=1", says: "read=one"),
      Refusal("read= and reorder=", beside: ["read=one"], of: "reorder=1M", says: "read=one"),
      Refusal("pipe=- and a name", beside: ["pipe=one"], of: "write=-", says: "pipe=one"),
    ])
  func endpoints(_ refusal: Refusal) async throws { try await refusal.check() }

  @Test(
    "one that does not exist", .requires("nbdkit"),
    arguments: [
      Refusal(
        "a colour", beside: ["pipe=new"], of: "colour=red", called: "colour", says: "unknown",
        "report"),
      Refusal(
        "a slip of case", beside: ["pipe=new"], of: "Size=1M", called: "Size", says: "unknown",
        "size"),
    ])
  func unknown(_ refusal: Refusal) async throws { try await refusal.check() }

  @Test("one given twice", .requires("nbdkit"), arguments: ["size=1M", "report=new"])
  func twice(_ parameter: String) async throws {
    try await Refusal("", beside: ["pipe=fifo", parameter], of: parameter, says: "twice").check()
  }

  @Test("an empty value", .requires("nbdkit"), arguments: ["pipe=", "write=", "report="])
  func empty(_ parameter: String) async throws {
    let others = parameter == "report=" ? ["pipe=new"] : []
    try await Refusal("", beside: others, of: parameter, says: "empty").check()
  }

  @Test(
    "a size that does not parse, is negative or is too large", .requires("nbdkit"),
    arguments: ["", "big", "-1", "1.5G", "1X", "1 G", "9223372036854775808", "8E"])
  func size(_ value: String) async throws {
    // nbdkit's parser has its say first.
    try await Refusal("", beside: ["pipe=new"], of: "size=\(value)", says: "size").check(
      serverLines: 1)
  }

  @Test("a size of zero", .requires("nbdkit"), arguments: ["0", "0G"])
  func zero(_ value: String) async throws {
    try await Refusal("", beside: ["pipe=new"], of: "size=\(value)", says: "no bytes").check()
  }
}
