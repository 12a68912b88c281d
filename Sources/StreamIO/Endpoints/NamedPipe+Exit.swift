import Glibc

extension NamedPipe {
  /// Removes the FIFO also where the process exits before it serves, for a socket it can't bind, say:
  /// the server then just calls `exit`. Not in a process that forked another one to serve.
  public func removeAtExit() {
    let isFirst = atExit == nil
    atExit = self
    guard isFirst else { return }
    atexit { try? atExit?.remove() }
    pthread_atfork(nil, { atExit = nil }, nil)
  }
}

/// The FIFO of this process. Written before it has a second thread, and at exit.
nonisolated(unsafe) private var atExit: NamedPipe?
