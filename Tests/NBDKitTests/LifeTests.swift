import NBDKit
import NBDKitTestKit
import SystemPackage
import Testing

@Suite("The life of a plugin and its connections", .exclusiveServer)
struct LifeTests {
  init() { Journal.clear() }

  @Test("calls arrive in order and with what the server passed")
  func order() throws {
    let server = try FakeServer.serving(
      JournalPlugin<FullConnection>.self, ["file": "a b=c", "größe": ""])
    try server.preconnect(readOnly: true)
    let client = try server.open(readOnly: true)
    _ = try client.size()
    try client.flush()
    client.close()
    server.cleanup()
    #expect(
      Journal.calls == [
        "configure file a b=c", "configure größe ", "configurationComplete", "getReady",
        "afterFork", "preconnect true", "open true", "size", "flush", "close", "released",
        "cleanup",
      ])
  }

  @Test("the thread model may depend on parameters, and is what the plugin says if it does not")
  func threadModel() throws {
    #expect(try FakeServer(JournalPlugin<FullConnection>.self).threadModel() == 1)
    #expect(try FakeServer(ParallelPlugin.self).threadModel() == 3)
  }

  @Test("a parameter that is not UTF-8 is refused, not repaired")
  func parameterOfOtherBytes() {
    let server = FakeServer(JournalPlugin<FullConnection>.self)
    let refusal = Refusal(.invalidArgument, "file=caf\u{FFFD}.fifo: not UTF-8")
    let latin1 = Array("caf".utf8) + [0xE9] + Array(".fifo".utf8)
    #expect(throws: refusal) { try server.configure("file", bytes: latin1) }
    #expect(Journal.calls.isEmpty)
  }

  @Test("a connection is closed and released once, when its client leaves")
  func closedOnce() throws {
    let server = try FakeServer.serving(JournalPlugin<FullConnection>.self)
    let client = try server.open()
    let other = try server.open()
    Journal.clear()
    client.close()
    #expect(Journal.calls == ["close", "released"])
    server.cleanup()
    #expect(Journal.calls == ["close", "released", "cleanup", "close", "released"])
    // What nbdkit doesn't do, but would be a use of freed memory.
    client.close()
    other.close()
    #expect(Journal.calls.count == 5)
  }

  @Test("connections left open at the end are closed and released after cleanup, all of them once")
  func leftOpen() throws {
    let server = try FakeServer.serving(JournalPlugin<FullConnection>.self)
    for _ in 0..<3 { _ = try server.open() }
    Journal.clear()
    server.cleanup()
    server.unload()
    let ends = ["close", "released", "close", "released", "close", "released"]
    #expect(Journal.calls == ["cleanup"] + ends + ["unload"])
  }

  @Test(
    "with an older server nothing is lost: what it lacks is replaced or not asked for",
    arguments: [FakeServer.Version.withoutCleanup, .withoutBlockSize])
  func olderServer(_ version: FakeServer.Version) throws {
    let server = try FakeServer.serving(JournalPlugin<FullConnection>.self, version: version)
    let client = try server.open()
    #expect(try client.blockSizes() == nil)
    #expect(client.exportDescription() == "größe 🙂")
    try client.write([1], at: 0)
    Journal.clear()
    server.cleanup()
    server.unload()
    #expect(Journal.calls == ["cleanup", "close", "released", "unload"])
  }

  @Test("nothing is cleaned up in a server that never came as far as serving")
  func neverServed() throws {
    let server = FakeServer(JournalPlugin<FullConnection>.self)
    try server.configure("file", "x")
    try server.getReady()
    server.unload()
    #expect(Journal.calls == ["configure file x", "getReady", "unload"])
  }

  @Test("a connection opened once the server has ended is refused")
  func openedTooLate() throws {
    let server = try FakeServer.serving(JournalPlugin<FullConnection>.self)
    server.cleanup()
    Journal.clear()
    #expect(throws: Refusal(.socketShutdown, "open: the server has ended")) { try server.open() }
    #expect(Journal.calls.isEmpty)
  }

  @Test("connections opened and closed by many threads at once are all closed and released once")
  func parallel() async throws {
    let server = try FakeServer.serving(JournalPlugin<FullConnection>.self)
    Journal.clear()
    try await withThrowingTaskGroup { group in
      for _ in 0..<8 {
        group.addTask {
          for round in 0..<50 {
            let client = try server.open()
            if round % 5 != 0 { client.close() }
          }
        }
      }
      try await group.waitForAll()
    }
    server.cleanup()
    let calls = Dictionary(grouping: Journal.calls) { $0 }.mapValues(\.count)
    #expect(calls == ["open false": 400, "close": 400, "released": 400, "cleanup": 1])
  }

  @Test("a plugin that could not be made says why and answers everything with an error")
  func broken() {
    let server = FakeServer(BrokenPlugin.self)
    #expect(FakeServer.errors == ["broken: there is no making this"])
    let refusal = Refusal(.invalidArgument, "the plugin failed to load")
    #expect(throws: refusal) { try server.configure("file", "x") }
    #expect(throws: refusal) { try server.configurationComplete() }
    #expect(throws: refusal) { try server.getReady() }
    #expect(throws: refusal) { try server.afterFork() }
    #expect(throws: refusal) { try server.threadModel() }
    #expect(throws: refusal) { try server.open() }
    server.dumpPlugin()
    server.cleanup()
    server.unload()
  }

  @Test("a plugin that could not be made is not served by the one before it")
  func brokenAfterAnother() throws {
    _ = try FakeServer.serving(JournalPlugin<FullConnection>.self)
    let server = FakeServer(BrokenPlugin.self)
    #expect(throws: Refusal.self) { try server.configurationComplete() }
  }
}
