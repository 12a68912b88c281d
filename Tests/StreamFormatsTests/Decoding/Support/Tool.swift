import Foundation
import Testing

/// The tools that people compress with.
enum Tool {
  /// Lets a shell command make a stream of `bytes`, which it finds as standard input and in `$IN`.
  static func run(_ command: String, _ bytes: [UInt8]) throws -> [UInt8] {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "formats-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let input = directory.appending(path: "in")
    let output = directory.appending(path: "out")
    try Data(bytes).write(to: input)
    try Data().write(to: output)
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-ec", command]
    process.currentDirectoryURL = directory
    process.environment = ProcessInfo.processInfo.environment.merging(["IN": input.path]) { $1 }
    process.standardInput = try FileHandle(forReadingFrom: input)
    process.standardOutput = try FileHandle(forWritingTo: output)
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(command)")
    return Array(try Data(contentsOf: output))
  }

  /// Whether a tool is installed.
  static func isThere(_ name: String) -> Bool {
    (try? run("command -v \(name)", [])) != nil
  }
}
