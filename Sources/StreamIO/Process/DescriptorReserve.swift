public import StreamCore
import SystemPackage

/// Descriptors that are held while a stream is opened, so that if there are few (ulimit -n) some
/// are left for the server: without one it can't even refuse a client, which then waits for ever.
public struct DescriptorReserve: ~Copyable {
  /// What nbdkit opens for a client: its connection, and a pipe that wakes its threads.
  private static let count = 3

  private let held: [FileDescriptor]

  /// - Throws: If there are not that many.
  public init() throws(Failure) {
    var held: [FileDescriptor] = []
    do {
      for _ in 0..<Self.count {
        held.append(try FileDescriptor.open("/dev/null", .readOnly, options: .closeOnExec))
      }
    } catch {
      for descriptor in held { try? descriptor.close() }
      throw Failure(
        error as? Errno ?? .ioError, "no file descriptors are left for a client: \(error)")
    }
    self.held = held
  }

  deinit { for descriptor in held { try? descriptor.close() } }
}
