import Glibc
import Synchronization

extension NamedPipe {
  /// Removes the FIFO also where the process exits before it serves, for a socket it can't bind, say:
  /// the server then just calls `exit`. Not in a process that forked another one to serve. Called
  /// again for the same path, it takes the place of what was there before.
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
