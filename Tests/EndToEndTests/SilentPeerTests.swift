import Glibc
import Testing

@Suite("The stream goes on", .endToEnd)
struct SilentPeerTests {
  @Test(
    "beside a peer that connects and says nothing",
    .requires("nbdkit", "python3-libnbd", "socat"))
  func silent() async throws {
    let sandbox = try Sandbox.current()
    try await expectStream { nbdkit in
      // A socket nobody speaks on: socat copies what a sleeping process does not say.
      try await sandbox.start(["socat", "EXEC:sleep 60", "UNIX-CONNECT:\(nbdkit.socket)"])
    }
  }

  @Test(
    "beside a peer that stops in the middle of a request", .requires("nbdkit", "python3-libnbd"))
  func stopped() async throws {
    try await expectStream { nbdkit in
      let client = try await nbdkit.connect()
      #expect(try await client.ask("half-write 0 \(1.mib)") == "ok")
      client.child.signal(SIGSTOP)
      return client.child
    }
  }

  private func expectStream(beside peer: (Nbdkit) async throws -> Child) async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, _) = try await sandbox.stream()
    let peer = try await peer(nbdkit)
    try await Task.sleep(for: .milliseconds(300))
    #expect(peer.isRunning)

    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(2.mib)") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await eventually("the stream to arrive") { reader.count == 2.mib }
    try await nbdkit.stop(within: .atOnce)
    try await reader.end()
    expectContent(of: reader.file, .data(2.mib))
  }
}
