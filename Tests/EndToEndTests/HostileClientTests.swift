import Testing

/// What Scripts/hostile does to nbdkit, each time judging what the reader got by what the clients
/// were told and by the report.
@Suite(.endToEnd(limit: .seconds(300)), .requires("nbdkit", "python3"))
struct HostileClientTests {
  @Test("A minute of random sessions crashes no server, hangs none, and finds no lie")
  func sessions() async throws {
    try await playHostile("fuzz_sessions.py", "--seconds", "60")
  }

  @Test("Every command with every flag, and every option, offered or not, crashes no server")
  func everyFlag() async throws {
    try await playHostile("every_flag.py")
  }

  @Test(
    "nor one with another plugin in Swift",
    arguments: [
      ["ProbePlugin", "64k"], ["nbdkit-ramdisk-plugin", "64k"], ["nbdkit-hello-plugin"],
    ])
  func everyFlag(of plugin: [String]) async throws {
    let isNew = try await Sandbox.current().nbdkitMinor() >= 48
    // With nbdkit's own memory plugin, too.
    try await withKnownIssue(
      "nbdkit 1.48.1 may not answer unknown flags where requests run in parallel",
      isIntermittent: true
    ) {
      try await playHostile(
        ["every_flag.py", "--plugin", try Plugin.nested(plugin[0])] + plugin.dropFirst())
    } when: {
      isNew && plugin[0] == "nbdkit-ramdisk-plugin"
    }
  }

  @Test("A client that leaves at any byte of a session does no harm to the stream")
  func cutRequests() async throws {
    try await playHostile("cut_requests.py")
  }

  @Test("A signal at a random moment, 300 times, is an orderly end and a true report")
  func signals() async throws {
    try await playHostile("random_signals.py", "--runs", "300")
  }

  @Test("A signal at a random moment before nbdkit serves, 500 times, leaves nothing behind")
  func earlySignals() async throws {
    try await playHostile("early_signals.py", "--runs", "500")
  }

  @Test(
    "Each signal to each process, whatever it is doing, with and without --run, ends all in order")
  func waitingParent() async throws {
    try await playHostile("waiting_parent.py", "--early", "60")
  }

  @Test("Ten thousand clients leave nothing open and take no memory")
  func manyConnections() async throws {
    try await playHostile("many_connections.py")
  }

  @Test("A tebibyte, mostly of zeroes, leaves nothing open and takes no memory")
  func endlessStream() async throws {
    try await playHostile("endless_stream.py")
  }

  @Test(
    "Under valgrind a whole stream has no invalid access and no leak", .requires("valgrind"),
    .disabled(
      if: Nbdkit.runsByItsOwnLoader,
      "valgrind does not see into a program that another loader runs"))
  func leaks() async throws {
    try await playHostile("leaks.py")
  }
}
