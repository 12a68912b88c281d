import Foundation
import Glibc
import Synchronization
import SystemPackage

/// What one test owns: a directory, and every process it started. Both are gone afterwards,
/// whatever became of the test.
final class Sandbox: Sendable {
  /// The sandbox of the running test, given by `.endToEnd`.
  @TaskLocal static var mine: Sandbox?

  struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  static func current() throws -> Sandbox {
    guard let mine else { throw Missing(description: "the suite lacks the trait .endToEnd") }
    return mine
  }

  /// Short, since the path of a UNIX socket has little room.
  let directory: String
  private let children = Mutex<[Child]>([])
  private let isClosed = Mutex(false)

  init() throws {
    var template = Array("/tmp/e2e-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    directory = template.withUnsafeBufferPointer {
      $0.baseAddress.map { String(cString: $0) } ?? ""
    }
    // Some tests let nbdkit become another user, who must be able to pass through.
    chmod(directory, 0o711)
  }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  func fifo(_ name: String = "fifo") throws -> String {
    guard mkfifo(path(name), 0o600) == 0 else { throw Errno(rawValue: errno) }
    return path(name)
  }

  /// Starts a program; see `Child`.
  @discardableResult
  func start(
    _ command: [String], input: String = "/dev/null", environment: [String: String] = [:]
  ) async throws -> Child {
    try checkOpen()
    let number = children.withLock { $0.count }
    let child = try await Child.start(
      command, input: input, log: path("\(number)"), environment: environment)
    children.withLock { $0.append(child) }
    if isClosed.withLock({ $0 }) { child.killGroup() }
    return child
  }

  /// Runs a program to its end.
  @discardableResult
  func run(_ command: String..., within limit: Duration = .seconds(60)) async throws -> Child {
    let child = try await start(command)
    try await child.exit(within: limit)
    return child
  }

  /// Runs a program that has to succeed: the ground a test stands on, not what it checks.
  @discardableResult
  func succeed(_ command: String..., within limit: Duration = .seconds(60)) async throws -> Child {
    let child = try await start(command)
    guard try await child.exit(within: limit).isSuccess else {
      throw Missing(description: "\(command) failed: \(child.errors)")
    }
    return child
  }

  /// What every process said on its standard error, for the report of a failed test.
  var logs: String {
    children.withLock { $0 }.map { "--- \($0)\n\($0.errors.suffix(4000))" }.joined(separator: "\n")
  }

  func kill() {
    isClosed.withLock { $0 = true }
    for child in children.withLock({ $0 }) { child.killGroup() }
  }

  func checkOpen() throws {
    if isClosed.withLock({ $0 }) { throw CancellationError() }
  }

  func close() async {
    kill()
    for child in children.withLock({ $0 }) { await child.reap() }
    if getenv("E2E_KEEP") == nil { try? FileManager.default.removeItem(atPath: directory) }
  }
}
