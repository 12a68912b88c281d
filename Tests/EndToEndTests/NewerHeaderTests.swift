import Foundation
import Testing

/// NBDKit compiled with a header to come, and loaded by a server that knows less.
@Suite("A plugin compiled with a newer header", .endToEnd)
struct NewerHeaderTests {
  @Test(
    "compiles, and runs in an older nbdkit, which ignores what it does not know",
    .requires("nbdkit", "swiftc", "pkg-config", "nbdcopy"))
  func newer() async throws {
    let sandbox = try Sandbox.current()
    try await copyHeaders(to: sandbox)
    try change("nbdkit-plugin.h", in: sandbox, "uint32_t *maximum);\n};") {
      $0.dropLast(2)
        + "  int (*to_come) (void *handle, uint64_t more);\n  const char *word_to_come;\n};"
    }
    // As a header since 1.34 has it.
    try change(
      "nbdkit-common.h", in: sandbox, "NBDKIT_EXTERN_DECL (void, nbdkit_shutdown, (void));"
    ) {
      "\($0)\nNBDKIT_EXTERN_DECL (void, nbdkit_disconnect, (int force));"
    }
    let library = sandbox.path("newer.so")
    try await compile(into: library, in: sandbox)

    let dump = try await sandbox.succeed("nbdkit", "--dump-plugin", library).output
    #expect(dump.contains("struct_size=400\n"))
    let nbdkit = try await sandbox.nbdkit(plugin: library)
    #expect(try await nbdkit.content().hasPrefix("Hello, world!\n"))
  }

  /// The example plugin and NBDKit as one module, which needs no `import`.
  private func compile(into library: String, in sandbox: Sandbox) async throws {
    let example = "\(packageRoot)/Examples/Hello/Sources/HelloPlugin/HelloPlugin.swift"
    let source = sandbox.path("plugin.swift")
    try text(of: example).replacing("import NBDKit\n", with: "")
      .write(toFile: source, atomically: true, encoding: .utf8)
    let swiftc = try await sandbox.start(
      ["swiftc", "-emit-library", "-module-name", "Newer", "-package-name", "newer", "-o", library]
        + Swiftc.binding(header: sandbox.path("module.modulemap"))
        + ["-Xcc", "-I\(sandbox.directory)", "-Xlinker", "-z", "-Xlinker", "nodelete"]
        + Swiftc.sources + [source] + Swiftc.objects)
    #expect(try await swiftc.exit() == .exited(0), "\(swiftc.errors)")
  }

  private func copyHeaders(to sandbox: Sandbox) async throws {
    let prefix = try await sandbox.succeed("pkg-config", "nbdkit", "--variable=prefix").output
    let include = "\(prefix.trimmingCharacters(in: .whitespacesAndNewlines))/include"
    let module = "\(packageRoot)/Sources/CNBDKit"
    try await sandbox.succeed(
      "cp", "\(include)/nbdkit-plugin.h", "\(include)/nbdkit-common.h",
      "\(include)/nbdkit-version.h", "\(module)/shim.h", "\(module)/module.modulemap",
      sandbox.directory)
  }

  private func change(
    _ header: String, in sandbox: Sandbox, _ line: String, to changed: (String) -> String
  ) throws {
    let content = text(of: sandbox.path(header))
    try #require(content.contains(line))
    try content.replacing(line, with: changed(line))
      .write(toFile: sandbox.path(header), atomically: true, encoding: .utf8)
  }
}
