internal import Glibc
internal import Subprocess
internal import Synchronization
internal import SystemPackage

/// A program that runs for this one, in a process group of its own: a key pressed in the terminal
/// reaches only this process, which knows which program to tell.
final class Child: Sendable {
  enum Ended: Equatable {
    case exited(Int32)
    case signaled(Int32)

    var isSuccess: Bool { self == .exited(0) }
  }

  /// Where its standard streams go. What is opened for it is closed here once it has started.
  struct Streams {
    var input: FileDescriptor?
    var output: FileDescriptor?
    var errors: FileDescriptor?
  }

  let program: String
  private let pid = Mutex<pid_t?>(nil)
  private let ended = Mutex<Task<Ended, any Error>?>(nil)

  private init(_ program: String) { self.program = program }

  /// - Parameter ownSession: For a user's command: a program that asks for a password on the
  ///   terminal would be stopped there for ever, as its group is not the terminal's.
  static func start(
    _ command: [String], _ streams: Streams, ownSession: Bool = false
  ) async throws(Failure) -> Child {
    let child = Child(command[0])
    var options = PlatformOptions()
    if ownSession { options.createSession = true } else { options.processGroupID = 0 }
    guard let file = file(of: command[0]) else {
      throw Failure("\(command[0]) can't be started: is it installed?")
    }
    // What qemu prints is looked at; all others speak the user's language.
    let environment: Environment =
      command[0].hasPrefix("qemu-") ? .inherit.updating(["LC_ALL": "C"]) : .inherit
    let configuration = Configuration(
      executable: .path(file), arguments: .init(Array(command.dropFirst())),
      environment: environment, platformOptions: options)
    let opened: (FileDescriptor, FileDescriptor, FileDescriptor)
    do {
      opened = (
        try streams.input ?? FileDescriptor.open("/dev/null", .readOnly, options: .closeOnExec),
        try streams.output ?? FileDescriptor.open("/dev/null", .writeOnly, options: .closeOnExec),
        try streams.errors ?? FileDescriptor.standardError.duplicate()
      )
    } catch {
      throw Failure("\(command[0])", error as? Errno ?? .ioError)
    }
    let started = AsyncStream.makeStream(of: Void.self)
    let task = Task {
      defer { started.continuation.finish() }
      let result = try await Subprocess.run(
        configuration,
        input: .fileDescriptor(opened.0, closeAfterSpawningProcess: true),
        output: .fileDescriptor(opened.1, closeAfterSpawningProcess: true),
        error: .fileDescriptor(opened.2, closeAfterSpawningProcess: true)
      ) { execution in
        child.pid.withLock { $0 = execution.processIdentifier.value }
        started.continuation.finish()
      }
      child.pid.withLock { $0 = nil }
      switch result.terminationStatus {
      case .exited(let code): return Ended.exited(code)
      case .signaled(let number): return .signaled(number)
      }
    }
    child.ended.withLock { $0 = task }
    for await _ in started.stream {}
    if !child.isRunning {
      // The program has ended already, or has not been started.
      do { _ = try await task.value } catch {
        throw Failure("\(command[0]) can't be started: is it installed?")
      }
    }
    Interruption.shared.add(child)
    return child
  }

  /// Where a program is, by PATH. Subprocess would start a process to try each directory in it.
  private static func file(of program: String) -> FilePath? {
    if program.contains("/") { return FilePath(program) }
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    for directory in path.split(separator: ":") {
      let file = "\(directory)/\(program)"
      // A directory can be "executed", too.
      if access(file, X_OK) == 0, (try? FileStatus(file))??.kind == .regular {
        return FilePath(file)
      }
    }
    return nil
  }

  var isRunning: Bool { pid.withLock { $0 != nil } }

  func signal(_ number: Int32) {
    pid.withLock { if let pid = $0 { kill(pid, number) } }
  }

  func end() async -> Ended {
    guard let task = ended.withLock({ $0 }), let ended = try? await task.value else {
      return .exited(127)
    }
    return ended
  }
}

extension Child {
  /// Runs a program to its end and returns what it printed.
  static func ask(_ command: [String]) async throws(Failure) -> (
    ended: Ended, output: [UInt8], errors: String
  ) {
    let output = try Pipe()
    let errors = try Pipe()
    let child = try await start(
      command, Streams(output: output.writing, errors: errors.writing))
    async let printed = waiting { readAll(output.reading) }
    async let complaints = waiting { readAll(errors.reading) }
    let answer = (
      await child.end(), await printed, String(decoding: await complaints, as: UTF8.self)
    )
    try Interruption.shared.check()
    return answer
  }
}

/// Two descriptors. A program gets one of them; neither gets into any other program.
struct Pipe {
  let reading: FileDescriptor
  let writing: FileDescriptor

  init() throws(Failure) {
    do {
      (reading, writing) = try FileDescriptor.pipe()
    } catch {
      throw Failure("no pipe can be made", error as? Errno ?? .ioError)
    }
    for end in [reading, writing] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
  }
}

/// Reads everything up to the end, or 16 MiB, and closes the descriptor.
func readAll(_ descriptor: FileDescriptor) -> [UInt8] {
  defer { try? descriptor.close() }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while let count = try? buffer.withUnsafeMutableBytes({ try descriptor.read(into: $0) }), count > 0
  {
    if bytes.count < 1 << 24 { bytes += buffer[..<count] }
  }
  return bytes
}
