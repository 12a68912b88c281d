import NBDKit
import NBDKitTestKit
import SystemPackage
import Testing

@Suite("Errors thrown by a plugin", .exclusiveServer)
struct ErrorTests {
  init() { Journal.clear() }

  @Test("no callback reports anything when it succeeds", arguments: Callback.allCases)
  func success(_ callback: Callback) throws {
    try perform(callback)
    #expect(FakeServer.errors.isEmpty)
  }

  @Test(
    "a PluginError arrives with its errno and message from every callback",
    arguments: Callback.allCases)
  func pluginError(_ callback: Callback) {
    Journal.fail(callback, with: PluginError(.noSpace, "disk=a: full: take one larger than 1M"))
    #expect(throws: Refusal(.noSpace, "disk=a: full: take one larger than 1M")) {
      try perform(callback)
    }
  }

  @Test(
    "an Errno arrives as itself with the system's text from every callback",
    arguments: Callback.allCases)
  func errno(_ callback: Callback) {
    Journal.fail(callback, with: Errno.notPermitted)
    #expect(throws: Refusal(.notPermitted, "Operation not permitted")) { try perform(callback) }
  }

  @Test(
    "a foreign error arrives as EIO with its description from every callback",
    arguments: Callback.allCases)
  func foreign(_ callback: Callback) {
    struct Jam: Error, CustomStringConvertible {
      let description = "the paper is jammed"
    }
    Journal.fail(callback, with: Jam())
    #expect(throws: Refusal(.ioError, "the paper is jammed")) { try perform(callback) }
  }

  @Test("an errno set by an earlier failure is not that of a later one")
  func notSticky() throws {
    let client = try FakeServer.serving(JournalPlugin<FullConnection>.self).open()
    Journal.fail(.read, with: Errno.notPermitted)
    Journal.fail(.write, with: PluginError(.outOfRange, "no"))
    #expect(throws: Refusal(.notPermitted, "Operation not permitted")) { try client.read(1, at: 0) }
    #expect(throws: Refusal(.outOfRange, "no")) { try client.write([1], at: 0) }
  }

  @Test("an error where no status can be answered turns the client away or leaves a text out")
  func texts() throws {
    let server = try FakeServer.serving(JournalPlugin<FullConnection>.self)
    let client = try server.open()
    Journal.failTexts(with: PluginError(.ioError, "no name today"))
    #expect(server.defaultExport() == nil)
    #expect(client.exportDescription() == nil)
    #expect(FakeServer.errors == ["no name today", "no name today"])
  }

  @Test(
    "zero never answers ENOTSUP, which nbdkit would follow by writing zeroes itself",
    arguments: [Errno.notSupported, .notSupportedOnSocket])
  func unsupportedZero(_ errno: Errno) throws {
    let client = try FakeServer.serving(JournalPlugin<FullConnection>.self).open()
    Journal.fail(.zero, with: PluginError(errno, "zero: not here"))
    #expect(throws: Refusal(.ioError, "zero: not here")) { try client.zero(1, at: 0) }
    Journal.fail(.zero, with: errno)
    #expect(throws: Refusal(.ioError, "Operation not supported")) { try client.zero(1, at: 0) }
    Journal.fail(.zeroIfFast, with: errno)
    #expect(throws: Refusal(.ioError, "Operation not supported")) {
      try client.zero(1, at: 0, fast: true)
    }
  }

  @Test(
    "write and flush never answer ENOTSUP, on which nbdkit aborts when it writes zeroes itself",
    arguments: [Errno.notSupported, .notSupportedOnSocket])
  func unsupportedWrite(_ errno: Errno) throws {
    let client = try FakeServer.serving(JournalPlugin<FullConnection>.self).open()
    Journal.fail(.write, with: PluginError(errno, "write: not here"))
    #expect(throws: Refusal(.invalidArgument, "write: not here")) { try client.write([1], at: 0) }
    Journal.fail(.flush, with: errno)
    #expect(throws: Refusal(.invalidArgument, "Operation not supported")) { try client.flush() }
  }

  @Test(
    "a message is one line, whatever is in it, and never read as a format",
    arguments: [
      ("%s%n%5$s 100%", "%s%n%5$s 100%"),
      ("one\ntwo\r\nthree\ttabbed", "one?two??three?tabbed"),
      ("before\0after", "before?after"),
      ("\u{1B}[31mred\u{7F}\u{9B}0m\u{85}", "?[31mred??0m?"),
      (String(decoding: [0x61, 0xFF, 0xC3, 0x62], as: UTF8.self), "a\u{FFFD}\u{FFFD}b"),
      ("größe 大 🙂", "größe 大 🙂"),
      (String(repeating: "x", count: 100_000), String(repeating: "x", count: 100_000)),
    ])
  func message(_ text: String, line: String) {
    Journal.fail(.getReady, with: PluginError(.ioError, text))
    #expect(throws: Refusal(.ioError, line)) { try perform(.getReady) }
    Server.debug(text)
    #expect(FakeServer.debugs == [line])
  }

  /// Takes a plugin that can do everything through one callback.
  private func perform(_ callback: Callback) throws(Refusal) {
    let server = FakeServer(JournalPlugin<FullConnection>.self)
    switch callback {
    case .configure: return try server.configure("key", "value")
    case .configurationComplete: return try server.configurationComplete()
    case .threadModel:
      _ = try server.threadModel()
      return
    case .getReady: return try server.getReady()
    case .afterFork: return try server.afterFork()
    case .preconnect: return try server.preconnect()
    case .listExports:
      _ = try server.exports()
      return
    case .open: return try server.open().close()
    default: break
    }
    let client = try server.open()
    defer { client.close() }
    switch callback {
    case .size: _ = try client.size()
    case .isRotational: _ = try client.isRotational()
    case .multipleConnections: _ = try client.allowsMultipleConnections()
    case .canWrite: _ = try client.canWrite()
    case .canFlush: _ = try client.canFlush()
    case .canZero: _ = try client.canZero()
    case .canFastZero: _ = try client.canFastZero()
    case .canTrim: _ = try client.canTrim()
    case .canReportExtents: _ = try client.canReportExtents()
    case .forceUnitAccess: _ = try client.forceUnitAccess()
    case .caching: _ = try client.caching()
    case .blockSizes: _ = try client.blockSizes()
    case .read: _ = try client.read(1, at: 0)
    case .write: try client.write([1], at: 0)
    case .flush: try client.flush()
    case .zero: try client.zero(1, at: 0)
    case .zeroIfFast: try client.zero(1, at: 0, fast: true)
    case .trim: try client.trim(1, at: 0)
    case .extents: _ = try client.extents(1, at: 0)
    case .cache: try client.cache(1, at: 0)
    default: break
    }
  }
}
