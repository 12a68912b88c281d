import Glibc
import Synchronization
import SystemPackage
import Testing

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
  private let guardian: Child
  /// What the guardian reads from; nil once the sandbox is closed.
  private let lifeline: Mutex<FileDescriptor?>

  init() async throws {
    var template = Array("/tmp/e2e-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    directory = template.withUnsafeBufferPointer {
      $0.baseAddress.map { String(cString: $0) } ?? ""
    }
    // Some tests let nbdkit become another user, who must be able to pass through.
    chmod(directory, 0o711)
    let (guardian, lifeline) = try await Self.startGuardian(of: directory)
    self.guardian = guardian
    self.lifeline = Mutex(lifeline)
  }

  /// A process that is told of every process group, and when the lifeline ends kills them all and
  /// removes the directory: also when it ends because this process has crashed.
  private static func startGuardian(of directory: String) async throws
    -> (Child, FileDescriptor)
  {
    let path = "\(directory)/lifeline"
    guard mkfifo(path, 0o600) == 0 else { throw Errno(rawValue: errno) }
    // Open for both, so that neither this nor the guardian's own opening waits for the other.
    let lifeline = try FileDescriptor.open(FilePath(path), .readWrite, options: .closeOnExec)
    let script = """
      while read group; do groups="$groups -$group"; done
      test -z "$groups" || kill -KILL $groups 2>/dev/null
      test -n "$E2E_KEEP" || rm -rf "$0"
      """
    let guardian = try await Child.start(
      ["/bin/sh", "-c", script, directory], input: path, log: "\(directory)/guardian")
    return (guardian, lifeline)
  }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  func fifo(_ name: String = "fifo") throws -> String {
    guard mkfifo(path(name), 0o600) == 0 else { throw Errno(rawValue: errno) }
    return path(name)
  }

  /// Starts a program; see `Child`.
  @discardableResult
  func start(
    _ command: [String], input: String = "/dev/null"
  ) async throws -> Child {
    try checkOpen()
    let number = children.withLock { $0.count }
    let child = try await Child.start(command, input: input, log: path("\(number)"))
    children.withLock { $0.append(child) }
    try lifeline.withLock { lifeline in
      guard let lifeline else {
        child.killGroup()
        throw CancellationError()
      }
      _ = try lifeline.writeAll("\(child.pid)\n".utf8)
    }
    return child
  }

  /// Runs a program to its end.
  @discardableResult
  func run(_ command: String..., within limit: Duration = .hang) async throws -> Child {
    let child = try await start(command)
    try await child.exit(within: limit)
    return child
  }

  /// Runs a program that has to succeed: the ground a test stands on, not what it checks.
  @discardableResult
  func succeed(_ command: String..., within limit: Duration = .hang) async throws -> Child {
    try await succeed(command, within: limit)
  }

  @discardableResult
  func succeed(_ command: [String], within limit: Duration = .hang) async throws -> Child {
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

  /// Ends everything; whoever waits for one of these processes sees it end.
  func kill() {
    let lifeline = lifeline.withLock { $0.take() }
    try? lifeline?.close()
  }

  func checkOpen() throws {
    if lifeline.withLock({ $0 == nil }) { throw CancellationError() }
  }

  func close() async {
    kill()
    for child in children.withLock({ $0 }) + [guardian] {
      do { try await child.exit() } catch { Issue.record("\(child) can't be ended: \(error)") }
    }
  }
}
