import Foundation
import Testing

@Suite("The documentation", .endToEnd, .requires("nbdkit"))
struct DocumentationTests {
  @Test("names the same parameters in the code, --help and the manual page")
  func parameters() async throws {
    let accepted = try keysInCode().sorted()
    #expect(!accepted.isEmpty)
    #expect(try await parametersInHelp().map(\.key).sorted() == accepted)
    #expect(try parametersInManualPage().map(\.key).sorted() == accepted)
  }

  @Test("names their values the same in --help and the manual page")
  func values() async throws {
    let help = try await parametersInHelp().map { "\($0.key)=\($0.value)" }
    let page = try parametersInManualPage().map { "\($0.key)=\($0.value)" }
    #expect(help.sorted() == page.sorted())
  }

  @Test("names the same version in the plugin, the manual page and the packages")
  func version() async throws {
    let version = try #require(
      try await Plugin.ask("--version").firstMatch(of: /streaming (\d+\.\d+\.\d+)/)?.1)
    #expect(try ManualPage.text().contains("nbdkit-streaming-plugin S<\(version)>"))
    #expect(
      text(of: "\(packageRoot)/debian/changelog").hasPrefix(
        "nbdkit-plugin-streaming (\(version)-"))
    let spec = text(of: "\(packageRoot)/packaging/nbdkit-streaming-plugin.spec")
    #expect(spec.firstMatch(of: /\nVersion: *(\S+)\n/)?.1 == version)
  }

  @Test("has every option of stream-disk in its manual page, and no other")
  func options() async throws {
    let page = text(of: "\(packageRoot)/docs/stream-disk.pod")
    let described = page.split(separator: "\n").filter { $0.hasPrefix("=item B<") }
      .flatMap { $0.matches(of: /B<(--[a-z-]+)/).map { String($0.1) } }
    var offered: Set<String> = []
    for command in ["write", "restore", "verify"] {
      let help = try await StreamDisk.run(command, "--help").output
      offered.formUnion(
        help.split(separator: "\n").filter { $0.hasPrefix("  -") }
          .flatMap { $0.matches(of: /(--[a-z-]+)/).map { String($0.1) } })
    }
    // These two are those of every command.
    #expect(Set(described) == offered.subtracting(["--help", "--version"]))
  }

  @Test("lets bash complete every parameter", .requires("bash", "nbdkit-completion"))
  func completion() async throws {
    let completed = try await Sandbox.current().succeed(
      "env", "PLUGIN=\(try Plugin.path())", "bash", "-ec",
      """
      nbdkit() { test "$1" != streaming || set -- "$PLUGIN" "${@:2}"; command nbdkit "$@"; }
      _init_completion() { words=(nbdkit streaming "") prev=streaming cur=; }
      . '\(completionScript)'
      _nbdkit
      printf '%s\\n' "${COMPREPLY[@]}"
      """)
    let keys = try keysInCode().map { "\($0)=" }
    #expect(completed.output.split(separator: "\n").map(String.init).sorted() == keys.sorted())
  }

  @Test("names every parameter to anybody who gives an unknown one")
  func unknown() async throws {
    let nbdkit = try await Sandbox.current().run("nbdkit", try Plugin.path(), "colour=red")
    for key in try keysInCode() { #expect(nbdkit.errors.contains(key)) }
  }

  @Test("names the same fields in --dump-plugin and the manual page")
  func fields() async throws {
    let dumped = try await Plugin.ask("--dump-plugin").split(separator: "\n")
      .compactMap { $0.prefixMatch(of: /(streaming_[a-z_]+)=/)?.1 }
    let described = try ManualPage.items.compactMap {
      $0.prefixMatch(of: /C<(streaming_[a-z_]+)=>/)?.1
    }
    #expect(!dumped.isEmpty)
    #expect(dumped.sorted() == described.sorted())
  }

  @Test("gives the windows the same defaults in --dump-plugin, --help and the manual page")
  func defaults() async throws {
    let dumped = try await Plugin.ask("--dump-plugin")
    let help = try await Plugin.ask("--help")
    let page = try ManualPage.text()
    for (key, bytes, written) in [("reorder", 256.mib, "256M"), ("rewind", 0, "0")] {
      #expect(dumped.contains("\nstreaming_default_\(key)=\(bytes)\n"))
      #expect(
        help.split(separator: "\n").contains {
          $0.contains("\(key)=") && $0.contains("(default: \(written))")
        })
      let item = page.components(separatedBy: "=item ").first { $0.hasPrefix("B<\(key)=>") }
      #expect(item?.contains("default is \(written)") == true)
    }
  }

  private typealias Parameter = (key: Substring, value: Substring)

  /// What the table of parameters has.
  private func keysInCode() throws -> [Substring] {
    text(of: "\(packageRoot)/Sources/StreamingPlugin/Parameters/Parameters+Table.swift")
      .matches(of: /(?:key|endpoint): "([-a-z0-9]+)"/).map(\.1)
  }

  /// Where nbdkit's shell completion finds them: at the start of a line.
  private func parametersInHelp() async throws -> [Parameter] {
    try await Plugin.ask("--help").split(separator: "\n").compactMap {
      $0.prefixMatch(of: /([-a-z0-9]+)=<([-A-Za-z0-9|]+)>/).map { ($0.1, $0.2) }
    }
  }

  private func parametersInManualPage() throws -> [Parameter] {
    try ManualPage.items.compactMap {
      $0.prefixMatch(of: /B<([-a-z0-9]+)=>([-A-Za-z0-9|]+)/).map { ($0.1, $0.2) }
    }
  }
}
