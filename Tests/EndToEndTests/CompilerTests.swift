import Foundation
import Testing

/// What a plugin's author can't write: the compiler says why.
@Suite("The compiler refuses a plugin made with NBDKit", .endToEnd)
struct CompilerTests {
  /// A plugin that is right, of which each test changes one thing.
  private static let right = """
    import NBDKit
    final class P: Plugin, Sendable {
      static let name = "p"
      static let threadModel = ThreadModel<P>.parallel
      func open(readOnly: Bool) -> C { C() }
    }
    final class C: Connection, ExtentReporting, Sendable {
      func size() -> UInt64 { 0 }
      func read(into buffer: inout OutputRawSpan, at offset: UInt64) {}
      func extents(
        count: UInt32, at offset: UInt64, flags: RequestFlags, into extents: inout Extents
      ) throws { try extents.add(0..<1, .data) }
    }

    """

  @Test("but not a correct one", .requires("swiftc"))
  func right() async throws {
    #expect(try await errors(Self.right) == "")
  }

  @Test(
    "that shares with parallel requests what is not Sendable", .requires("swiftc"),
    arguments: [
      ("class P: Plugin, Sendable", "class P: Plugin", "'P' does not conform to the 'Sendable'"),
      ("ExtentReporting, Sendable", "ExtentReporting", "'C' does not conform to the 'Sendable'"),
      ("func size()", "var state = 0\n  func size()", "stored property 'state'"),
    ])
  func parallel(_ text: String, changed: String, message: String) async throws {
    #expect(try await errors(Self.right, replacing: text, by: changed).contains(message))
  }

  @Test("that serves several clients at once and is not Sendable", .requires("swiftc"))
  func serializeRequests() async throws {
    let plugin = Self.right.replacing("parallel", with: "serializeRequests")
    let found = try await errors(
      plugin, replacing: "class P: Plugin, Sendable", by: "class P: Plugin")
    #expect(found.contains("'P' does not conform to the 'Sendable'"))
  }

  @Test(
    "that screens clients, which is done outside any lock, and is not Sendable",
    .requires("swiftc"))
  func screening() async throws {
    let plugin = Self.right.replacing("parallel", with: "serializeConnections")
      .replacing(
        "func open", with: "var state = 0\n  func preconnect(readOnly: Bool) {}\n  func open")
    let found = try await errors(
      plugin, replacing: "class P: Plugin, Sendable", by: "class P: Plugin, ClientScreening")
    #expect(found.contains("stored property 'state'"))
  }

  @Test(
    "that keeps a borrowed buffer", .requires("swiftc"),
    arguments: [
      ("func size()", "var kept: Extents?\n  func size()", "~Escapable"),
      ("func size()", "var kept: RawSpan?\n  func size()", "~Escapable"),
      (
        "{ try extents.add(0..<1, .data) }",
        "{ kept = { try extents.add(0..<1, .data) } }\n  var kept: (() throws -> Void)?",
        "escaping closure captures 'inout' parameter 'extents'"
      ),
    ])
  func keeping(_ text: String, changed: String, message: String) async throws {
    let plugin = Self.right.replacing("parallel", with: "serializeConnections")
      .replacing(", Sendable", with: "")
    #expect(try await errors(plugin, replacing: text, by: changed).contains(message))
  }

  private func errors(
    _ plugin: String, replacing text: String = "", by changed: String = ""
  ) async throws -> String {
    let sandbox = try Sandbox.current()
    let source = sandbox.path("plugin.swift")
    try #require(text.isEmpty || plugin.contains(text))
    try (text.isEmpty ? plugin : plugin.replacing(text, with: changed))
      .write(toFile: source, atomically: true, encoding: .utf8)
    let swiftc = try await sandbox.start(
      ["swiftc", "-emit-sil", "-o", "/dev/null"] + Swiftc.search + [source])
    try await swiftc.exit()
    return swiftc.errors
  }
}
