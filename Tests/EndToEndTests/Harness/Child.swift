import Foundation
import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// A process in a process group of its own, its standard output and error kept in files.
final class Child: Sendable, CustomStringConvertible {
  let command: [String]
  let pid: pid_t
  let log: String
  private let status: StatusBox

  enum Status: Equatable {
    case exited(CInt)
    case signaled(CInt)
    var isSuccess: Bool { self == .exited(0) }
  }

  private typealias StatusBox = Box<Result<Status, any Error>?>

  private init(command: [String], pid: pid_t, log: String, status: StatusBox) {
    self.command = command
    self.pid = pid
    self.log = log
    self.status = status
  }

  /// `log` is the path of the two files without their ".out" and ".err".
  static func start(_ command: [String], input: String, log: String) async throws -> Child {
    var options = PlatformOptions()
    options.processGroupID = 0
    let program = command[0]
    let configuration = Configuration(
      executable: program.contains("/") ? .path(FilePath(program)) : .name(program),
      arguments: .init(Array(command.dropFirst())),
      environment: .inherit.updating(["LC_ALL": "C"]), platformOptions: options)
    let files = try Files(input: input, log: log)

    let status = StatusBox(nil)
    let pid = Box<pid_t?>(nil)
    Task {
      do {
        let result = try await Subprocess.run(
          configuration,
          input: .fileDescriptor(files.input, closeAfterSpawningProcess: true),
          output: .fileDescriptor(files.output, closeAfterSpawningProcess: true),
          error: .fileDescriptor(files.errors, closeAfterSpawningProcess: true)
        ) { execution in
          pid.value = execution.processIdentifier.value
        }
        status.value =
          switch result.terminationStatus {
          case .exited(let code): .success(.exited(code))
          case .signaled(let number): .success(.signaled(number))
          }
      } catch {
        status.value = .failure(error)
      }
    }
    try await eventually("\(program) to start") { pid.value != nil || status.value != nil }
    guard let started = pid.value else {
      _ = try status.value?.get()
      throw Sandbox.Missing(description: "\(program) did not start")
    }
    return Child(command: command, pid: started, log: log, status: status)
  }

  var isRunning: Bool { status.value == nil }
  var output: String { text(of: "\(log).out") }
  var errors: String { text(of: "\(log).err") }

  @discardableResult
  func exit(within limit: Duration = .hang) async throws -> Status {
    try await eventually("\(command[0]) to end", within: limit) { !isRunning }
    guard let status = status.value else { throw CancellationError() }
    return try status.get()
  }

  /// Signals this process alone, as a user with `kill` would.
  func signal(_ number: CInt) {
    if isRunning { _ = kill(pid, number) }
  }

  /// Kills this process and all that it started.
  func killGroup() {
    _ = kill(-pid, SIGKILL)
  }

  var description: String { command.joined(separator: " ") }
}

private struct Files {
  let input, output, errors: FileDescriptor

  init(input: String, log: String) throws {
    self.input = try .open(FilePath(input), .readOnly)
    output = try Self.create("\(log).out")
    errors = try Self.create("\(log).err")
  }

  private static func create(_ path: String) throws -> FileDescriptor {
    try .open(
      FilePath(path), .writeOnly, options: [.create, .append], permissions: [.ownerReadWrite])
  }
}

/// A value that a task leaves for whoever looks.
final class Box<Value: Sendable>: Sendable {
  private let content: Mutex<Value>
  init(_ value: Value) { content = Mutex(value) }

  var value: Value {
    get { content.withLock { $0 } }
    set { content.withLock { $0 = newValue } }
  }
}

func text(of path: String) -> String {
  String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
}
