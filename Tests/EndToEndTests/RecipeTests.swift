import Foundation
import Testing

@Suite(
  "A recipe of README.md or the manual page, its words unchanged,", .endToEnd,
  .requires("nbdkit", "qemu-img", "nbdcopy", "zstd", "jq", "bash", "socat", "openssl"))
struct RecipeTests {
  @Test("does what it says", arguments: Recipe.all)
  func works(recipe: Recipe) async throws {
    let sandbox = try Sandbox.current()
    let shell = try await sandbox.run(recipe, after: recipe.before, showing: recipe.result)
    #expect(try await shell.exit() == .exited(0))
    expectEqual(sandbox.path("result"), sandbox.path("image"))
  }

  /// What goes wrong, by shell commands before the recipe.
  static let mishaps = [
    "the plugin is missing": "plugin=$PWD/missing.so",
    "a parameter is unknown": "more=(colour=red)",
    "a parameter has a bad value": "more=(reorder=much)",
    "nbdkit does not know an option": "more=(--colour)",
    "the size is empty": "size=; length=",
    "the image has another name": "mv disk.qcow2 other; mv disk.raw another; mv disk.raw.zst third",
    "the client fails": "fail qemu-img; fail nbdcopy",
    "the client fails in the middle": "fail_late qemu-img; fail_late nbdcopy",
    "the other end fails at once": "for program in $ends; do fail $program; done",
    "the other end fails in the middle": "for program in $ends; do fail_late $program; done",
    "the other end fails at the end": "fail_last ${ends##* }",
  ]

  @Test(
    "neither succeeds nor touches the last good copy if", arguments: Recipe.all, mishaps.keys)
  func fails(recipe: Recipe, mishap: String) async throws {
    // No other end is there to fail but the one that the recipe starts.
    guard !recipe.ends.isEmpty || !mishap.hasPrefix("the other end") else { return }
    guard recipe.text?.contains("$size") == true || mishap != "the size is empty" else { return }
    // Who leaves the reader to somebody else can't know what it does with what it read.
    guard recipe.ends != ["cat"] || mishap != "the other end fails at the end" else { return }
    guard !recipe.waitsForReader || mishap != "the other end fails at once" else { return }
    let sandbox = try Sandbox.current()
    let shell = try await sandbox.run(
      recipe,
      after: """
        \(recipe.before)
        ends='\(recipe.ends.joined(separator: " "))'
        \(try #require(Self.mishaps[mishap]))
        # What the last run left, and what is to survive this one.
        echo '{"outcome": "complete"}' >report.json
        for copy in \(recipe.copies.joined(separator: " ")); do echo good >$copy; done
        """)
    #expect(try await shell.exit() != .exited(0))
    // A tape is written in its place.
    let starts = mishap.contains(" fails") || mishap.hasPrefix("the image")
    guard !recipe.isDestructive || !starts else { return }
    for copy in recipe.copies { #expect(text(of: sandbox.path(copy)) == "good\n") }
  }

  @Test("leaves no object in a store after half a disk")
  func halfUpload() async throws {
    let recipe = try #require(Recipe.all.first { $0.title == "Into an object store" })
    let sandbox = try Sandbox.current()
    let shell = try await sandbox.run(recipe, after: "size=$((size * 2))")
    #expect(try await shell.exit() == .exited(1))
    #expect(try FileManager.default.contentsOfDirectory(atPath: sandbox.path("bucket")) == [])
    #expect(try Report(sandbox.path("report.json")).outcome == "short")
  }

  @Test("is run here, and none is left out")
  func all() throws {
    let section = Recipe.readme.components(separatedBy: "\n## Recipes\n").last?
      .components(separatedBy: "\n## ").first
    let titles =
      (section ?? "").matches(of: /\n### (.+)/).map { String($0.1) }
      + Recipe.examplesOfPage.matches(of: /\n=head2 (.+)/).map { String($0.1) }
    #expect(titles.sorted() == Recipe.all.map(\.title).sorted())
  }
}

extension Sandbox {
  /// Starts a recipe in a shell with nothing set that the recipe does not set.
  fileprivate func run(
    _ recipe: Recipe, after before: String, showing result: String = ":"
  ) async throws -> Child {
    let image = try image("image")
    try await succeed("qemu-img", "convert", "-f", "raw", "-O", "qcow2", image, path("disk.qcow2"))
    return try await start([
      "env", "-C", directory, "plugin=\(try Plugin.path())", "bash", "-c",
      """
      \(Recipe.standIns)
      \(try #require(Recipe.readme.firstMatch(of: /(?s)## Recipes\n.*?```sh\n(.*?)```/)?.1))
      \(before)
      \(try #require(recipe.text, "there is no such recipe"))
      status=$?
      exec 7>&-
      kill $(jobs -p) 2>/dev/null
      wait
      [ $status = 0 ] || exit $status
      { \(result); } >result
      """,
    ])
  }
}
