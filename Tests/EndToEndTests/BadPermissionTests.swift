import Testing

@Suite(
  "An endpoint without the permission is refused before anything runs", .endToEnd,
  .requires("root", "nbdkit", "setpriv"))
struct BadPermissionTests {
  @Test(
    "for a user without permission",
    arguments: [
      Refusal("a FIFO", where: "mkfifo -m 600 fifo", of: "pipe=fifo", says: "Permission denied"),
      // It has to be opened for reading first, so as not to wait for a reader in open.
      Refusal(
        "a FIFO to write to only", where: "mkfifo -m 622 fifo", of: "pipe=fifo",
        says: "read and write permission"),
      Refusal("a new FIFO", of: "pipe=new", says: "Permission denied"),
      Refusal(
        "a FIFO behind a door", where: "mkdir -m 700 door; mkfifo -m 666 door/fifo",
        of: "pipe=door/fifo", says: "Permission denied"),
      Refusal(
        "a report", where: "mkfifo -m 666 fifo", beside: ["pipe=fifo"], of: "report=new",
        says: "Permission denied"),
    ])
  func permission(_ refusal: Refusal) async throws {
    try await refusal.check(under: Refusal.nobody)
  }

  @Test(
    "where anybody can make one and a stranger did, for root too", .requires("socat"),
    arguments: [foreignFIFO, foreignSocket], [[], Refusal.nobody])
  func foreign(_ refusal: Refusal, user: [String]) async throws {
    try await refusal.check(under: user)
  }

  @Test(
    "but a stranger's is trusted in a directory of theirs, or in mine",
    arguments: zip(["1777", "755"], ["0", "4321"]))
  func trusted(mode: String, owner: String) async throws {
    let sandbox = try Sandbox.current()
    let fifo = sandbox.path("here/fifo")
    try await sandbox.succeed("install", "-d", "-m", mode, sandbox.path("here"))
    try await sandbox.succeed("mkfifo", "-m", "666", fifo)
    try await sandbox.succeed("chown", owner, fifo)
    let nbdkit = try await sandbox.start(
      Refusal.nobody + ["nbdkit", "-U", "-", try await Plugin.readableByAll(), "pipe=\(fifo)"]
        + ["--run", "echo ran"])
    #expect(try await nbdkit.exit() == .exited(0))
    #expect(nbdkit.output == "ran\n")
  }
}

private let foreignFIFO = Refusal(
  "a FIFO", where: "chmod 1777 .; mkfifo -m 666 fifo; chown 4321 fifo", of: "pipe=fifo",
  says: "4321")

private let foreignSocket = Refusal(
  "a socket",
  where: """
    chmod 1777 .; \(listening("UNIX-LISTEN:socket"))
    chmod 666 socket; chown 4321 socket
    """, of: "pipe=socket", says: "4321")
