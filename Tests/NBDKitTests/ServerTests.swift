import Glibc
import NBDKit
import NBDKitTestKit
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
    FakeServer.start(in: "/here")
    #expect(try Server.absolutePath("b c") == "/here/b c")
    #expect(throws: PluginError(.invalidArgument, "'' can't be made an absolute path")) {
      try Server.absolutePath("")
    }
  }

  @Test("a path below a directory whose name is not UTF-8 is refused, not repaired")
  func otherDirectory() {
    FakeServer.start(in: [0x2F, 0xE9])
    let message = "'x': the current directory's name is not UTF-8"
    #expect(throws: PluginError(.invalidArgument, message)) { try Server.absolutePath("x") }
  }

  @Test("standard input and output are the user's unless the server says they are the client's")
  func standardIO() {
    #expect(Server.standardIOIsSafe)
    FakeServer.standardIOIsSafe = false
    #expect(!Server.standardIOIsSafe)
  }

  @Test(
    "truth values are read in nbdkit's words",
    arguments: [("true", true), ("ON", true), ("1", true), ("no", false), ("0", false)])
  func truth(_ text: String, value: Bool) throws {
    #expect(try Server.parseBool(text) == value)
  }

  @Test("what is not a truth value is EINVAL and named")
  func notTrueNorFalse() {
    #expect(throws: PluginError(.invalidArgument, "'perhaps' is neither true nor false")) {
      try Server.parseBool("perhaps")
    }
  }

  @Test("numbers of every width are read as C writes them, to their ends")
  func numbers() throws {
    #expect(try Server.parseInteger("-128", as: Int8.self, name: "n") == -128)
    #expect(try Server.parseInteger("0xFF", as: UInt8.self, name: "n") == 255)
    #expect(try Server.parseInteger("017", as: Int.self, name: "n") == 15)
    #expect(try Server.parseInteger("\(UInt64.max)", as: UInt64.self, name: "n") == .max)
    #expect(try Server.parseInteger("\(Int64.min)", as: Int64.self, name: "n") == .min)
    #expect(try Server.parseInteger("-1", as: Int128.self, name: "n") == -1)
  }

  @Test("what is not a number is EINVAL, what does not fit is ERANGE, and both are named")
  func notANumber() {
    for text in ["", "x", "1k", "99999999999999999999"] {
      #expect(throws: PluginError(.invalidArgument, "port=\(text): not a number")) {
        try Server.parseInteger(text, as: Int16.self, name: "port")
      }
    }
    #expect(throws: PluginError(.invalidArgument, "port=-1: not a number")) {
      try Server.parseInteger("-1", as: UInt16.self, name: "port")
    }
    #expect(throws: PluginError(.outOfRange, "port=65536: not from 0 to 65535")) {
      try Server.parseInteger("65536", as: UInt16.self, name: "port")
    }
  }

  @Test("real paths are those of files that are there")
  func realPath() throws {
    #expect(try Server.realPath("/proc/../dev/null") == "/dev/null")
    #expect(throws: PluginError(.invalidArgument, "'/none/x' does not lead to a file")) {
      try Server.realPath("/none/x")
    }
  }

  @Test("a password is the value, or is read from where the value says, and never shown")
  func password() throws {
    #expect(try Server.readPassword("geheim") == "geheim")
    #expect(try Server.readPassword("+/proc/sys/kernel/ostype") == "Linux")
    #expect(throws: PluginError(.invalidArgument, "the password can't be read")) {
      try Server.readPassword("+/none")
    }
  }

  @Test("sleeping ends at once with ESHUTDOWN when the server stops")
  func sleep() throws {
    try Server.sleep(for: .zero)
    try Server.sleep(for: .seconds(-1))
    let start = ContinuousClock.now
    try Server.sleep(for: .microseconds(1500))
    #expect(ContinuousClock.now - start >= .microseconds(1500))
    FakeServer.isStopping = true
    let message = "interrupted: the server stops or the client has gone"
    for duration in [Duration.zero, .seconds(Int64.max), .seconds(5) - .nanoseconds(1)] {
      #expect(throws: PluginError(.socketShutdown, message)) { try Server.sleep(for: duration) }
    }
    #expect(throws: PluginError(.socketShutdown, message)) {
      try Server.sleep(
        for: Duration(secondsComponent: 1, attosecondsComponent: 999_999_999_999_999_999))
    }
  }

  @Test("the server can be asked to end, and a client to be cut off")
  func endings() throws {
    Server.shutdown()
    #expect(FakeServer.shutdowns == 1)
    try Server.disconnect(force: false)
    #expect(FakeServer.disconnects == (1, false))
    try Server.disconnect(force: true)
    #expect(FakeServer.disconnects == (2, true))
  }

  @Test("the peer's process, user and group are nil where they are not known")
  func peer() {
    #expect(Server.peerProcess == nil)
    #expect(Server.peerUser == nil)
    #expect(Server.peerGroup == nil)
    FakeServer.setPeer(process: 4711, user: 0, group: Int64(UInt32.max))
    #expect(Server.peerProcess == 4711)
    #expect(Server.peerUser == 0)
    #expect(Server.peerGroup == .max)
    FakeServer.setPeer(process: .max, user: .max)
    #expect(Server.peerProcess == nil)
    #expect(Server.peerUser == nil)
  }

  @Test(
    "the peer's address is told by its family",
    arguments: [
      ([], nil),
      ([2, 0, 0x2A, 0x39, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0], .ip("192.0.2.1", port: 10809)),
      (
        [10, 0, 0, 80, 0, 0, 0, 0, 0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
          + [0, 0, 0, 0], .ip("2001:db8::1", port: 80)
      ),
      ([1, 0], .unix(path: nil)),
      ([1, 0] + "/run/x".utf8 + [0], .unix(path: "/run/x")),
      (
        [1, 0] + [UInt8](repeating: 0x61, count: 108),
        .unix(path: String(repeating: "a", count: 108))
      ),
      ([40, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0], .vsock(context: 3, port: 1)),
      ([2, 0, 1], .other(family: 2)),
      ([16, 0, 0, 0], .other(family: 16)),
      ([9], .other(family: 0)),
    ] as [([UInt8], PeerAddress?)])
  func address(_ bytes: [UInt8], address: PeerAddress?) {
    FakeServer.setPeer(address: bytes)
    #expect(Server.peerAddress == address)
  }

  @Test("lines for the log and for debugging arrive apart")
  func log() {
    Server.error("one %s")
    Server.debug("two %n")
    #expect(FakeServer.errors == ["one %s"])
    #expect(FakeServer.debugs == ["two %n"])
  }
}
