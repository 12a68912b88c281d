import Glibc
import SystemPackage

/// A thread that mostly sleeps, and ends as soon as it is told.
final class WakeableThread: Sendable {
  /// Sleeps for some milliseconds. Returns whether to go on.
  typealias Sleep = (_ milliseconds: Int32) -> Bool

  private final class Work: Sendable {
    let body: @Sendable (Sleep) -> Void
    let wake: FileDescriptor

    init(_ wake: FileDescriptor, _ body: @escaping @Sendable (Sleep) -> Void) {
      self.wake = wake
      self.body = body
    }
  }

  private let thread: pthread_t
  /// The thread wakes when this is closed.
  private let lifeline: FileDescriptor

  /// `nil` if there can't be one more thread or pipe.
  init?(_ body: @escaping @Sendable (Sleep) -> Void) {
    guard let pipe = try? FileDescriptor.pipe(options: .closeOnExec) else { return nil }
    lifeline = pipe.writeEnd
    let work = Unmanaged.passRetained(Work(pipe.readEnd, body))
    // Signals are for the server's own threads.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
        work.body { milliseconds in
          var request = pollfd(fd: work.wake.rawValue, events: 0, revents: 0)
          return poll(&request, 1, milliseconds) == 0
        }
        try? work.wake.close()
        return nil
      }, work.toOpaque())
    self.thread = thread
    guard error == 0 else {
      work.release()
      try? pipe.readEnd.close()
      try? pipe.writeEnd.close()
      return nil
    }
  }

  /// Wakes the thread and waits for its end. It is called once.
  func end() {
    try? lifeline.close()
    pthread_join(thread, nil)
  }
}
