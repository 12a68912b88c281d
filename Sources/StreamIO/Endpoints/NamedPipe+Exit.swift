import Glibc
import Synchronization

extension NamedPipe {
  /// Removes the FIFO even if the process exits before it serves, for example for a socket that it
  /// can't bind: the server then just calls `exit`. This is not done in a process that forked
  /// another one to serve. If it is called again for the same path, the new FIFO takes the place of
  /// the old one.
  public func removeAtExit() {
    let isFirst = ToRemove.pipes.withLock { pipes in
      defer {
        pipes = (pipes ?? []).filter { $0.path != path } + [self]
      }
      return pipes == nil
    }
    guard isFirst else { return }
    atexit { for pipe in ToRemove.takeAll() { try? pipe.remove() } }
    pthread_atfork(nil, { _ = ToRemove.takeAll() }, nil)
  }
}

/// The FIFOs of this process.
private enum ToRemove {
  static let pipes = Mutex<[NamedPipe]?>(nil)

  static func takeAll() -> [NamedPipe] {
    pipes.withLock { pipes in
      defer { pipes = [] }
      return pipes ?? []
    }
  }
}
