import Foundation
import Testing

/// Runs one of Scripts/hostile, which judges by itself, and shows what it says.
func playHostile(
  _ command: String..., sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  try await playHostile(command, sourceLocation: sourceLocation)
}

func playHostile(
  _ command: [String], sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  let script = command[0]
  let sandbox = try Sandbox.current()
  let child = try await sandbox.start(
    ["env", "TMPDIR=\(sandbox.directory)", Client.python, "-B", scriptPath("hostile/\(script)")]
      + command.dropFirst())
  #expect(
    try await child.exit(within: .seconds(290)).isSuccess, "\(child.output)",
    sourceLocation: sourceLocation)
  print("\(script): \(child.output)", terminator: "")
}
