import CLinux
import Glibc
public import StreamCore
public import SystemPackage

/// A shell command at the other end of the stream, under a supervisor. The supervisor is a process
/// that ends the command, whatever becomes of this process, unless it is told before that the
/// stream is complete. The command may read the stream or write it.
public struct Command: Sendable {
  /// How a command ended.
  public enum Ending: Equatable, Sendable {
    /// Its exit status as a shell reports it: that of the command, or 128 and the number of the
    /// signal that ended it.
    case status(Int)
    /// The supervisor is gone, so the status is not known. The command has been ended as far as
    /// possible.
    case unknown
    /// The wait was ended from outside. The supervisor goes on with what it was told.
    case interrupted
  }

  let supervisor: pid_t
  let group: pid_t
  /// Carries one byte to the supervisor, and from it how the command ended.
  private let lifeline: FileDescriptor
  /// How the command ended, once the supervisor has reported it.
  private var status: Int?

  /// Starts a command that reads the stream. It must not be called before the server has forked: a
  /// copy of the pipe elsewhere would hold back the end of the command's input.
  ///
  /// - Parameters:
  ///   - text: The command for `/bin/sh -c`.
  ///   - grace: Milliseconds between SIGTERM and SIGKILL if the command is ended.
  /// - Returns: The command, and the writing end of a pipe to it, non-blocking, which the caller
  ///   closes after ``complete()`` or ``abandon()``.
  public static func reading(
    _ text: String, at start: StartingPoint, grace: Int = 5000
  ) throws(Failure) -> (command: Command, input: FileDescriptor) {
    let pipe: (readEnd: FileDescriptor, writeEnd: FileDescriptor)
    do { pipe = try FileDescriptor.pipe(options: .closeOnExec) } catch {
      throw failure(error.rawValue)
    }
    defer { try? pipe.readEnd.close() }
    // For this end alone: the command's end is another open file.
    _ = fcntl(pipe.writeEnd.rawValue, F_SETFL, O_NONBLOCK)
    do {
      let command = try Command(
        text, at: start, input: pipe.readEnd, output: start.output, keeping: pipe.writeEnd,
        grace: grace)
      return (command, pipe.writeEnd)
    } catch {
      try? pipe.writeEnd.close()
      throw error
    }
  }

  /// Starts a command that writes the stream, and has nothing to read itself.
  ///
  /// - Returns: The command, and the reading end of a pipe from it, non-blocking, which the caller
  ///   closes.
  public static func writing(
    _ text: String, at start: StartingPoint, grace: Int = 5000
  ) throws(Failure) -> (command: Command, output: FileDescriptor) {
    let pipe: (readEnd: FileDescriptor, writeEnd: FileDescriptor)
    let nothing: FileDescriptor
    do {
      nothing = try FileDescriptor.open("/dev/null", .readOnly, options: .closeOnExec)
    } catch {
      throw failure((error as? Errno ?? .ioError).rawValue)
    }
    defer { try? nothing.close() }
    do { pipe = try FileDescriptor.pipe(options: .closeOnExec) } catch {
      throw failure(error.rawValue)
    }
    defer { try? pipe.writeEnd.close() }
    _ = fcntl(pipe.readEnd.rawValue, F_SETFL, O_NONBLOCK)
    do {
      let command = try Command(
        text, at: start, input: nothing, output: pipe.writeEnd, keeping: nil, grace: grace)
      return (command, pipe.readEnd)
    } catch {
      try? pipe.readEnd.close()
      throw error
    }
  }

  private init(
    _ text: String, at start: StartingPoint, input: FileDescriptor, output: FileDescriptor,
    keeping kept: FileDescriptor?, grace: Int
  ) throws(Failure) {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw Self.failure(errno) }
    lifeline = FileDescriptor(rawValue: ends[0])
    defer { close(ends[1]) }
    supervisor = text.withCString { text in
      var command = clinux_command(
        text: text, directory: start.directory.rawValue, input: input.rawValue,
        output: output.rawValue, errors: start.errors.rawValue, kept: kept?.rawValue ?? -1,
        lifeline: ends[1])
      return clinux_supervise(&command, Int32(clamping: grace))
    }
    guard supervisor > 0 else {
      let error = errno
      try? lifeline.close()
      throw Self.failure(error)
    }
    group = Self.receive(lifeline) ?? -EIO
    guard group > 0 else {
      try? lifeline.close()
      reap()
      throw Self.failure(-group)
    }
  }

  /// Tells the supervisor that the stream is complete: once this process closes the pipe too, the
  /// command's input ends.
  ///
  /// - Returns: Whether the supervisor is there to hear it.
  public func complete() -> Bool {
    var word: UInt8 = 1
    var count = 0
    repeat {
      count = send(lifeline.rawValue, &word, 1, Int32(MSG_NOSIGNAL))
    } while count < 0 && errno == EINTR
    return count == 1
  }

  /// Lets the supervisor end the command, unless it was told that the stream is complete.
  public func abandon() {
    shutdown(lifeline.rawValue, Int32(SHUT_WR))
  }

  /// Waits until the command has ended and the supervisor with it, leaving no process behind. It is
  /// called once, after ``complete()`` or ``abandon()``.
  public mutating func end(_ patience: Patience) -> Ending {
    defer { try? lifeline.close() }
    guard wait(patience, untilSupervisorEnds: true) else { return .interrupted }
    defer { reap() }
    if let status { return .status(status) }
    clinux_kill_command(supervisor)
    return .unknown
  }

  /// How the command ended, if it has ended, or ends within the patience.
  public mutating func earlyStatus(_ patience: Patience) -> Int? {
    _ = wait(patience, untilSupervisorEnds: false)
    return status
  }

  /// Reads what the supervisor reports, until it has reported how the command ended, or is gone.
  private mutating func wait(_ patience: Patience, untilSupervisorEnds: Bool) -> Bool {
    while untilSupervisorEnds || status == nil {
      var request = pollfd(fd: lifeline.rawValue, events: Int16(POLLIN), revents: 0)
      guard poll(&request, 1, 10) > 0 else {
        guard patience.pause(0) else { return false }
        continue
      }
      guard let told = Self.receive(lifeline) else { return true }
      status = Int(told)
    }
    return true
  }

  /// Reaps the supervisor, which has ended or is about to.
  private func reap() {
    while waitpid(supervisor, nil, 0) < 0, errno == EINTR {}
  }

  /// The next number from the supervisor, or `nil` if it is gone.
  private static func receive(_ lifeline: FileDescriptor) -> Int32? {
    var number: Int32 = 0
    let size = MemoryLayout<Int32>.size
    var count = 0
    repeat {
      count = recv(lifeline.rawValue, &number, size, Int32(MSG_WAITALL))
    } while count < 0
      && errno == EINTR
    return count == size ? number : nil
  }

  private static func failure(_ error: Int32) -> Failure {
    Failure(Errno(rawValue: error), "the command can't be started: \(Errno(rawValue: error))")
  }
}
