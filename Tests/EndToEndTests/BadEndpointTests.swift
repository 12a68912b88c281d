import Testing

@Suite("An endpoint that can't be streamed to is refused before anything runs", .endToEnd)
struct BadEndpointTests {
  @Test(
    "and stays as it was", .requires("nbdkit"),
    arguments: [
      Refusal(
        "a regular file", where: "echo precious >disk", of: "pipe=disk",
        says: "regular file", "nbdkit-file-plugin(1)"),
      Refusal("an empty file", where: ": >disk", of: "disk", says: "regular file"),
      Refusal(
        "a link to a file", where: "echo precious >disk; ln -s disk link", of: "write=link",
        says: "regular file"),
      Refusal(
        "a directory", where: "mkdir directory", of: "pipe=directory",
        says: "directory", "nbdkit-file-plugin(1)"),
      Refusal(
        "a regular file to read", where: "echo precious >disk", of: "read=disk",
        says: "is a regular file: ", "nbdkit-file-plugin(1)"),
      Refusal("a directory to read", where: "mkdir directory", of: "read=directory", says: "dir"),
      Refusal("the root directory", of: "pipe=/", says: "directory"),
      Refusal(
        "a dangling link", where: "ln -s nothing link", of: "pipe=link", says: "symbolic link"),
      Refusal(
        "a link in a circle", where: "ln -s two one; ln -s one two", of: "pipe=one",
        says: "symbolic links"),
    ])
  func kind(_ refusal: Refusal) async throws { try await refusal.check() }

  // A loop device's number: looked at only, and there need not be one.
  @Test("a block device", .requires("nbdkit"), .canMakeDevices)
  func blockDevice() async throws {
    try await Refusal(
      "", where: "mknod disk b 7 0", of: "pipe=disk", says: "block device", "nbdkit-file-plugin(1)"
    ).check()
  }

  @Test(
    "a name where no FIFO can be made", .requires("nbdkit"),
    arguments: [
      Refusal("a missing directory to read", of: "read=missing/fifo", says: "missing'"),
      Refusal("a missing directory", of: "pipe=missing/fifo", says: "missing'", "not exist"),
      Refusal("a file for a directory", where: ": >file", of: "pipe=file/fifo", says: "directory"),
      Refusal("no name after the slash", of: "pipe=new/", says: "directory"),
      Refusal("a line break", of: "pipe=missing/\nfifo", says: "not exist"),
    ])
  func place(_ refusal: Refusal) async throws { try await refusal.check() }

  @Test(
    "a path longer than the system takes", .requires("nbdkit", "python3"),
    arguments: [
      Refusal("for a FIFO", of: "pipe=\(String(repeating: "d/", count: 2100))", says: "4095"),
      Refusal("for a name", of: "pipe=\(String(repeating: "n", count: 256))", says: "too long"),
      Refusal(
        "for a socket", where: "mkdir \(long); cd \(long); \(bound)", of: "pipe=\(long)/socket",
        says: "107"),
    ])
  func length(_ refusal: Refusal) async throws { try await refusal.check() }

  @Test(
    "a socket that accepts no connection", .requires("nbdkit", "python3", "socat"),
    arguments: [
      Refusal(
        "nothing listens for a reader", where: bound, of: "read=socket", says: "nothing listens"),
      Refusal("nothing listens", where: bound, of: "pipe=socket", says: "nothing listens"),
      Refusal(
        "one of datagrams", where: listening("UNIX-RECV:socket"), of: "pipe=socket",
        says: "stream socket"),
      Refusal(
        "one of packets", where: listening("UNIX-LISTEN:socket,type=5"), of: "pipe=socket",
        says: "stream socket"),
    ])
  func connection(_ refusal: Refusal) async throws { try await refusal.check() }
}

private let long = String(repeating: "d", count: 120)

/// A socket whose owner has gone.
private let bound = "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")'"

/// A socket whose owner is there.
func listening(_ address: String) -> String {
  "socat -u \(address) OPEN:/dev/null & until test -S socket; do sleep 0.01; done"
}
