import Glibc
import Testing

@Suite(
  "Another user of this machine", .endToEnd,
  .requires("root", "nbdkit", "nbdcopy", "setpriv"))
struct AccessTests {
  @Test("is kept out by the mode of nbdkit's socket, and let in by another")
  func mode() async throws {
    #expect(try await stranger(socketMode: nil) == .exited(1))
    #expect(try await stranger(socketMode: "666") == .exited(0))
  }

  @Test("is kept out by nbdkit-ip-filter(1), where the socket is everybody's")
  func filter() async throws {
    let status = try await stranger(
      socketMode: "666", options: ["--filter=ip"],
      parameters: ["allow=uid:\(geteuid())", "deny=all"])
    #expect(status == .exited(1))
  }

  /// What becomes of nobody's copy. The stream is expected to hold nothing if that failed, and to
  /// be there for us.
  private func stranger(
    socketMode: String?, options: [String] = [], parameters: [String] = []
  ) async throws -> Child.Status {
    let sandbox = try Sandbox.current()
    let number = UInt32.random(in: 0...999_999)
    let image = try sandbox.image("image\(number)")
    try await sandbox.succeed("chmod", "644", image)
    let fifo = try sandbox.fifo("fifo\(number)")
    let reader = try await sandbox.reader(of: fifo, to: "stream\(number)")
    let nbdkit = try await sandbox.nbdkit(
      ["pipe=\(fifo)", "size=16M"] + parameters, options: options)
    if let socketMode { try await sandbox.succeed("chmod", socketMode, nbdkit.socket) }

    let stranger = try await sandbox.start(
      Refusal.nobody + ["nbdcopy", "--synchronous", image, nbdkit.uri])
    let status = try await stranger.exit()
    if !status.isSuccess {
      #expect(reader.count == 0)
      try await sandbox.succeed("nbdcopy", "--synchronous", image, nbdkit.uri)
    }
    #expect(try await nbdkit.stop() == .exited(0))
    try await reader.end()
    expectEqual(reader.file, image)
    return status
  }
}
