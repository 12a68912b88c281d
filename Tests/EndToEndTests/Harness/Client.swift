import Foundation
import SystemPackage

/// An NBD client that does what it is told, step by step: Scripts/client.py.
struct Client {
  static let python = "/usr/bin/python3"

  let child: Child
  private let steps: String
  private let answered = Box(0)

  init(_ sandbox: Sandbox, _ uri: String) async throws {
    steps = sandbox.path("steps\(UInt32.random(in: 0...999_999))")
    try Data().write(to: URL(filePath: steps))
    child = try await sandbox.start([Self.python, scriptPath("client.py"), uri], input: steps)
  }

  /// Sends one step without waiting for its answer; the steps are listed in client.py.
  func send(_ step: String) throws {
    let file = try FileDescriptor.open(FilePath(steps), .writeOnly, options: .append)
    try file.closeAfter { _ = try file.writeAll("\(step)\n".utf8) }
  }

  /// The answer to the oldest step not answered yet.
  func answer(within limit: Duration = .hang) async throws -> String {
    let number = answered.value
    var lines: [Substring] = []
    try await eventually("the client's answer", within: limit) {
      lines = child.output.split(separator: "\n")
      if lines.count <= number, !child.isRunning {
        throw Sandbox.Missing(description: "the client has gone: \(child.errors)")
      }
      return lines.count > number
    }
    answered.value = number + 1
    return String(lines[number])
  }

  /// Is the oldest step still without an answer?
  var isWaiting: Bool { child.output.split(separator: "\n").count <= answered.value }

  func ask(_ step: String, within limit: Duration = .hang) async throws -> String {
    try send(step)
    return try await answer(within: limit)
  }

  /// Ends without a farewell, in the middle of whatever it is doing.
  func die() async throws {
    child.killGroup()
    try await child.exit()
  }
}

extension Nbdkit {
  /// A client that has not connected yet: `ask("connect")` does that.
  func client() async throws -> Client { try await Client(.current(), uri) }

  /// A client that is connected.
  func connect() async throws -> Client {
    let client = try await client()
    let answer = try await client.ask("connect")
    guard answer == "ok" else { throw Sandbox.Missing(description: "connect: \(answer)") }
    return client
  }
}

/// The file of one of our own programs, in Scripts.
func scriptPath(_ name: String) -> String {
  "\(packageRoot)/Tests/EndToEndTests/Scripts/\(name)"
}

/// The same as a shell command.
func script(_ name: String) -> String { "\(Client.python) '\(scriptPath(name))'" }
