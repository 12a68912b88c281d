import Glibc
public import StreamCore
import SystemPackage

/// The directory, standard output and standard error that the server was started with. They are
/// kept for a command that runs later, as the server itself leaves all three.
public struct StartingPoint: Sendable {
  let directory: FileDescriptor
  let output: FileDescriptor
  let errors: FileDescriptor

  /// Takes what this process has now. It is kept open until the process ends, and closed for all
  /// that it runs.
  ///
  /// - Parameter outputIsFree: Whether standard output is the user's. If not, what a command prints
  ///   there goes to standard error.
  public init(outputIsFree: Bool) throws(Failure) {
    do {
      directory = try FileDescriptor.open(".", .readOnly, options: [.directory, .closeOnExec])
    } catch {
      throw Failure(
        error as? Errno ?? .ioError, "the current directory can't be opened: \(error)")
    }
    errors = try Self.copy(STDERR_FILENO)
    output = outputIsFree ? try Self.copy(STDOUT_FILENO) : errors
  }

  /// A copy of a standard stream, or `/dev/null` if that is closed.
  private static func copy(_ number: Int32) throws(Failure) -> FileDescriptor {
    let copied = fcntl(number, F_DUPFD_CLOEXEC, 3)
    if copied >= 0 { return FileDescriptor(rawValue: copied) }
    do {
      return try FileDescriptor.open("/dev/null", .readWrite, options: .closeOnExec)
    } catch {
      throw Failure(error as? Errno ?? .ioError, "/dev/null can't be opened: \(error)")
    }
  }
}
