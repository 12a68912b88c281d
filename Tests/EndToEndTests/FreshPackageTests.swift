import Foundation
import Testing

/// What the guide for plugin authors tells them to do, done.
@Suite("A package that depends on this one", .endToEnd(limit: .seconds(300)))
struct FreshPackageTests {
  private static let guide = "\(packageRoot)/Sources/NBDKit/NBDKit.docc/GettingStarted.md"

  @Test(
    "is made, built and run as the guide says", .requires("nbdkit", "swift", "nbdcopy"))
  func guide() async throws {
    let sandbox = try Sandbox.current()
    let package = sandbox.path("nbdkit-hello-plugin")
    try FileManager.default.createDirectory(
      atPath: package, withIntermediateDirectories: false)
    let swift = ["--package-path", package]
    try await succeed(
      ["swift", "package"] + swift + ["init", "--type", "library", "--name", "HelloPlugin"])
    let blocks = Self.blocks(of: text(of: Self.guide))
    let manifest = try #require(blocks.first { $0.contains("let package") })
    try manifest.replacing("../nbdkit-streaming-plugin", with: packageRoot)
      .write(toFile: "\(package)/Package.swift", atomically: true, encoding: .utf8)
    let plugin = try #require(blocks.first { $0.contains("@c(plugin_init)") })
    try plugin.write(
      toFile: "\(package)/Sources/HelloPlugin/HelloPlugin.swift", atomically: true,
      encoding: .utf8)
    let test = try #require(blocks.first { $0.contains("import NBDKitTestKit") })
    try test.write(
      toFile: "\(package)/Tests/HelloPluginTests/HelloPluginTests.swift", atomically: true,
      encoding: .utf8)

    try await succeed(["swift", "build", "--build-tests"] + swift)
    let tests = try await succeed(
      ["swift", "test", "--skip-build", "--disable-xctest"] + swift)
    #expect(tests.contains("passed"))

    let library = "\(package)/.build/debug/libnbdkit-hello-plugin.so"
    let nbdkit = try await sandbox.nbdkit(plugin: library)
    #expect(try await nbdkit.content().hasPrefix("Hello, world!\n"))
  }

  @discardableResult
  private func succeed(_ command: [String]) async throws -> String {
    let child = try await Sandbox.current().start(command)
    try #require(try await child.exit(within: .seconds(240)) == .exited(0), "\(child.output)")
    return child.output + child.errors
  }

  /// The blocks of Swift code in a text.
  private static func blocks(of markdown: String) -> [String] {
    markdown.components(separatedBy: "```swift\n").dropFirst()
      .map { $0.components(separatedBy: "```")[0] }
  }
}
