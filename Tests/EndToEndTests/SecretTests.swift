import Foundation
import Testing

@Suite("No text of a command, which may hold a password,", .endToEnd)
struct SecretTests {
  private static let command = "curl --user bob:secret https://example.org"

  @Test(
    "is in a message that refuses a parameter", .requires("nbdkit"),
    arguments: [
      ["write-command=\(command)"],
      ["write-command=\(command)", "size=1M", "pad=true"],
      ["write-command=\(command)", "write-command=\(command)"],
      ["write-command=\(command)", "pipe=fifo"],
      ["pipe=fifo", "write-command=\(command)"],
      ["read-command=\(command)", "size=1M", "reorder=1M"],
      ["read-command=\(command)", "write-command=\(command)"],
      ["read=fifo", "read-command=\(command)"],
      ["write-comand=\(command)"],
      ["report=report", "command=\(command)"],
    ])
  func refused(parameters: [String]) async throws {
    let nbdkit = try await Sandbox.current().nbdkit(parameters, run: "true")
    #expect(try await nbdkit.exit() == .exited(1))
    #expect(nbdkit.errors.contains("nbdkit: error: "))
    #expect(!nbdkit.errors.contains("bob"))
    #expect(!nbdkit.errors.contains("curl"))
  }

  @Test(
    "is in the report, in a message or in what nbdkit's -v shows of the plugin",
    .requires("nbdkit", "qemu-img"),
    arguments: [
      "write-command=exit 3 # bob:secret", "write-command=cat >/dev/null # bob:secret",
      "write-command=cat >/dev/null; exit 3 # bob:secret",
      "read-command=exit 3 # bob:secret", "read-command=head -c 2M /dev/zero # bob:secret",
      "read-command=head -c 1M /dev/zero; exit 3 # bob:secret",
      "read-command=kill -KILL $PPID; head -c 1M /dev/zero # bob:secret",
    ])
  func served(parameter: String) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 1.mib, data: [0..<1.mib])
    let report = sandbox.path("report")
    let client =
      parameter.hasPrefix("write")
      ? "qemu-img convert -n -f raw -O raw '\(image)' \"$uri\""
      : "qemu-img convert -f raw -O raw \"$uri\" '\(sandbox.path("copy"))'"
    let nbdkit = try await sandbox.nbdkit(
      [parameter, "size=1M", "report=\(report)"], options: ["-v"], run: client)
    try await nbdkit.exit()
    #expect(FileManager.default.fileExists(atPath: report))
    #expect(!text(of: report).contains("bob"))
    // nbdkit itself shows what it was started with.
    let lines = nbdkit.errors.split(separator: "\n").filter { !$0.contains("config key=") }
    #expect(!lines.contains { $0.contains("bob") })
  }
}
