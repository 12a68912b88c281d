import Glibc

// What this module needs of the system, in the only file that asks the system: memory that may be
// refused, and threads with what they wait for. It opens, reads and writes nothing.

/// Memory whose lack is an error to report. With Swift's own memory it would be the end of the
/// process.
final class Memory: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer

  /// `nil` if there is no memory for so many bytes, which are not initialised.
  init?(count: Int) {
    guard let start = malloc(max(count, 1)) else { return nil }
    bytes = UnsafeMutableRawBufferPointer(start: start, count: count)
  }

  deinit { free(bytes.baseAddress) }
}

/// The system's numbers for what goes wrong here.
enum SystemError {
  static var noMemory: Int32 { ENOMEM }
  static var inputOutput: Int32 { EIO }
  static var tooLarge: Int32 { EFBIG }
}

/// A lock, and a place to wait for what it guards to change.
final class Monitor: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init() {
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    // A wait must not depend on what the time of day is set to.
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  /// Tells all threads that wait that something has changed.
  func signal() { pthread_cond_broadcast(condition) }

  /// Returns at some time after something has changed. It is called with the lock held.
  func wait() { pthread_cond_wait(condition, mutex) }

  /// The same, for at most this many milliseconds.
  func wait(milliseconds: Int) {
    var until = timespec()
    clock_gettime(CLOCK_MONOTONIC, &until)
    let nanoseconds = until.tv_nsec + milliseconds % 1000 * 1_000_000
    until.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
    until.tv_nsec = nanoseconds % 1_000_000_000
    pthread_cond_timedwait(condition, mutex, &until)
  }
}

/// A thread, to be joined or left alone.
struct Thread {
  private let thread: pthread_t

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// `nil` if there can't be one more thread.
  init?(_ run: @escaping @Sendable () -> Void) {
    let body = Unmanaged.passRetained(Body(run))
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
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, body.toOpaque())
    guard error == 0 else {
      body.release()
      return nil
    }
    self.thread = thread
  }

  /// Waits for its end. Either this or ``detach()`` is called, once.
  func join() { pthread_join(thread, nil) }

  /// Lets the thread end by itself.
  func detach() { pthread_detach(thread) }
}
