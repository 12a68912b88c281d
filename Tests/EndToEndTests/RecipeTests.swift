import Foundation
import Testing

@Suite(
  "A recipe of README.md, its words unchanged,", .endToEnd,
  .requires("nbdkit", "qemu-img", "zstd", "jq", "bash"))
struct RecipeTests {
  /// How to see that a recipe has done its work.
  struct Recipe: Sendable, CustomTestStringConvertible {
    let title: String
    /// Shell commands before it.
    var before = ":"
    /// Writes the disk that came of it, raw, to standard output.
    let result: String

    var testDescription: String { title }
  }

  static let recipes = [
    Recipe(title: "Compress", result: "zstd -dc disk.raw.zst"),
    Recipe(title: "To another machine", result: "cat backup/disk.raw"),
    Recipe(title: "Into an object store", result: "cat bucket/disk.raw"),
    Recipe(
      title: "Checksum while passing",
      result: "zstd -dc disk.raw.zst | tee copy; sha256sum <copy | cmp - disk.raw.sha256"),
    Recipe(title: "Onto a tape", result: "cat tape"),
    Recipe(
      title: "Restore from a compressed stream",
      before: "zstd -q image -o disk.raw.zst; rm disk.qcow2",
      result: "qemu-img convert -f qcow2 -O raw disk.qcow2 restored; cat restored"),
  ]

  @Test("does what it says", arguments: recipes)
  func works(recipe: Recipe) async throws {
    let sandbox = try Sandbox.current()
    #expect(try await run(recipe) == .exited(0))
    expectEqual(sandbox.path("result"), sandbox.path("image"))
  }

  @Test("leaves no object in a store after half a disk")
  func halfUpload() async throws {
    var recipe = try #require(Self.recipes.first { $0.title == "Into an object store" })
    recipe.before = "size=$((size * 2))"
    #expect(try await run(recipe) == .exited(1))
    let sandbox = try Sandbox.current()
    #expect(try FileManager.default.contentsOfDirectory(atPath: sandbox.path("bucket")) == [])
    #expect(try Report(sandbox.path("report.json")).outcome == "short")
  }

  private func run(_ recipe: Recipe) async throws -> Child.Status {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    try await sandbox.succeed(
      "qemu-img", "convert", "-f", "raw", "-O", "qcow2", image, sandbox.path("disk.qcow2"))
    let text = try #require(Self.text(of: recipe.title), "README.md has no such recipe")
    let shell = try await sandbox.start([
      "env", "-C", sandbox.directory, "plugin=\(try Plugin.path())", "bash", "-c",
      """
      set -eo pipefail
      \(Self.standIns)
      \(try #require(Self.text(of: "Recipes")))
      \(recipe.before)
      \(text)
      { \(recipe.result); } >result
      """,
    ])
    return try await shell.exit()
  }

  @Test("is run here, and none is left out")
  func all() throws {
    let section = Self.readme.components(separatedBy: "\n## Recipes\n").last?
      .components(separatedBy: "\n## ").first
    let titles = (section ?? "").matches(of: /\n### (.+)/).map { String($0.1) }
    #expect(titles.sorted() == Self.recipes.map(\.title).sorted())
  }

  /// For what is not here: a plugin that is installed, another machine, an object store, a tape.
  private static let standIns = """
    mkdir backup bucket bin
    PATH=$PWD/bin:$PATH
    with() { # PROGRAM WORD OTHER ARGUMENT...: runs it with another word
      local program=$1 word=$2 other=$3 argument arguments=(); shift 3
      for argument; do test "$argument" != "$word" || argument=$other; arguments+=("$argument"); done
      command "$program" "${arguments[@]}"
    }
    nbdkit() { with nbdkit streaming "$plugin" "$@"; }
    dd() { with dd of=/dev/nst0 of=tape "$@"; }
    ssh() { (shift; cd backup; sh -c "$*"); }
    # The object is there once the input has ended.
    printf '#!/bin/sh\\nparts=$(mktemp -p .); cat >$parts; mv $parts bucket/disk.raw\\n' >bin/aws
    chmod +x bin/aws
    """

  private static let readme = EndToEndTests.text(of: "\(packageRoot)/README.md")

  /// The first commands under a heading.
  private static func text(of title: String) -> Substring? {
    let parts = readme.components(separatedBy: "# \(title)\n")
    return parts.last?.firstMatch(of: /(?s)```sh\n(.*?)```/)?.1
  }
}
