import CFakeNBDKit
import FakeServer
import NBDKit
import SystemPackage
import Testing

@Suite("What the server does for a plugin", .exclusiveServer)
struct ServerTests {
  @Test(
    "sizes are read as nbdkit reads them",
    arguments: [("0", 0), ("512", 512), ("64k", 65536), ("1M", 1 << 20), ("7E", 7 << 60)])
  func size(_ text: String, bytes: UInt64) throws {
    #expect(try Server.parseSize(text) == bytes)
  }

  @Test("what is not a size is EINVAL and named", arguments: ["", "x", "-1", "1kk", "8E"])
  func notASize(_ text: String) {
    let message = "'\(text)' is not a size: give bytes, or a number with k, M, G or T"
    #expect(throws: PluginError(.invalidArgument, message)) { try Server.parseSize(text) }
  }

  @Test("paths are made absolute")
  func absolutePath() throws {
    #expect(try Server.absolutePath("/a/b") == "/a/b")
    fake_set_directory("/here")
    #expect(try Server.absolutePath("b c") == "/here/b c")
    #expect(throws: PluginError(.invalidArgument, "'' can't be made an absolute path")) {
      try Server.absolutePath("")
    }
  }

  @Test("a path below a directory whose name is not UTF-8 is refused, not repaired")
  func otherDirectory() {
    fake_set_directory([0x2F, 0xE9, 0].map(CChar.init(truncatingIfNeeded:)))
    let message = "'x': the current directory's name is not UTF-8"
    #expect(throws: PluginError(.invalidArgument, message)) { try Server.absolutePath("x") }
  }

  @Test("standard input and output are the user's unless the server says they are the client's")
  func standardIO() {
    #expect(Server.standardIOIsSafe)
    fake_set_stdio_safe(0)
    #expect(!Server.standardIOIsSafe)
  }

  @Test("sleeping ends at once with ESHUTDOWN when the server stops")
  func sleep() throws {
    try Server.sleep(nanoseconds: 0)
    try Server.sleep(nanoseconds: 1_000_000)
    fake_set_stopping(1)
    let message = "interrupted: the server stops or the client has gone"
    let start = ContinuousClock.now
    #expect(throws: PluginError(.socketShutdown, message)) {
      try Server.sleep(nanoseconds: .max)
    }
    #expect(ContinuousClock.now - start < .seconds(2))
  }

  @Test("the peer's process is nil where it is not known")
  func peer() {
    #expect(Server.peerProcess == nil)
    fake_set_peer_pid(4711)
    #expect(Server.peerProcess == 4711)
    fake_set_peer_pid(.max)
    #expect(Server.peerProcess == nil)
  }

  @Test("lines for the log and for debugging arrive apart")
  func log() {
    Server.error("one %s")
    Server.debug("two %n")
    #expect(FakeServer.errors == ["one %s"])
    #expect(FakeServer.debugs == ["two %n"])
  }
}
