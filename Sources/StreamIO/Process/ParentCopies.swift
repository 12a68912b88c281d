import Glibc
import Synchronization
import SystemPackage

/// Descriptors that only the serving process may keep. If the server forks, as it does for `--run`,
/// the process that waits would hold them open too, and the other end would not see the server go.
enum ParentCopies {
  private static let copies = Mutex<[FileDescriptor]?>(nil)

  /// Closes `descriptor` in a process that forks another one, which keeps it. It is called while
  /// this process has one thread.
  static func closeAfterFork(_ descriptor: FileDescriptor) {
    let isFirst = copies.withLock { copies in
      defer { copies = (copies ?? []) + [descriptor] }
      return copies == nil
    }
    guard isFirst else { return }
    pthread_atfork(
      nil,
      { for descriptor in ParentCopies.takeAll() { try? descriptor.close() } },
      { _ = ParentCopies.takeAll() })
  }

  /// Leaves a descriptor alone from now on: this process serves, or has closed it.
  static func forget(_ descriptor: FileDescriptor) {
    copies.withLock { $0?.removeAll { $0 == descriptor } }
  }

  private static func takeAll() -> [FileDescriptor] {
    copies.withLock { copies in
      defer { copies = [] }
      return copies ?? []
    }
  }
}

extension OpenEndpoint {
  /// The same endpoint, to be closed in this process if it forks another one before a sink or
  /// source was made of it: a process that waits for the other one must not hold the stream open.
  public func keptByServerAlone() -> OpenEndpoint {
    ParentCopies.closeAfterFork(descriptor)
    return self
  }
}
