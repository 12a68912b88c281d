/// Threads that do numbered jobs and begin them in the order in which they were given.
///
/// Job numbers are those of slots: 0, 1, ... and from the start again. A slot is given out again
/// only after its job was seen to be done. One thread gives jobs and waits for them. What a job
/// reads and writes belongs to its slot alone until then.
final class Workers: @unchecked Sendable {
  /// Does the job of a slot, on the thread with this number.
  typealias Work = @Sendable (_ worker: Int, _ slot: Int) -> Void

  private let monitor = Monitor()
  // Everything below is guarded by the monitor.
  /// How many slots are in use, and the job that lies in slot 0.
  private var slots: Int
  private var base: UInt64 = 0
  /// How many threads may be at a job.
  private var most = Int.max
  private var done: [Bool]
  private var given: UInt64 = 0
  private var begun: UInt64 = 0
  private var running = 0
  private var isStopping = false
  /// Only the thread that starts and stops uses this.
  private var threads: [Thread] = []

  init(slots: Int) {
    self.slots = slots
    done = Array(repeating: false, count: slots)
  }

  /// Starts `count` threads. They keep what `work` holds alive until they end.
  ///
  /// - Returns: Whether there are that many threads now; if not, there are none.
  func start(_ count: Int, _ work: @escaping Work) -> Bool {
    threads.reserveCapacity(count)
    for worker in 0..<count {
      guard let thread = Thread({ [self] in run(worker, work) }) else {
        stop()
        return false
      }
      threads.append(thread)
    }
    return true
  }

  private func run(_ worker: Int, _ work: Work) {
    while let slot = take() {
      work(worker, slot)
      monitor.locked {
        done[slot] = true
        running -= 1
        monitor.signal()
      }
    }
  }

  private func take() -> Int? {
    monitor.locked {
      while begun == given || running >= most, !isStopping { monitor.wait() }
      guard !isStopping else { return nil }
      defer { begun += 1 }
      running += 1
      return slot(begun)
    }
  }

  private func slot(_ job: UInt64) -> Int { Int((job - base) % UInt64(slots)) }

  /// Uses so many of the slots and of the threads from now on. Jobs that were given and not seen to
  /// be done stay where they are.
  ///
  /// - Parameter base: The oldest job of those, which lies in slot 0.
  func use(slots: Int, threads: Int, from base: UInt64) {
    monitor.locked {
      (self.slots, self.base, most) = (slots, base, threads)
      monitor.signal()
    }
  }

  /// Gives the job of the next slot.
  func give() {
    monitor.locked {
      done[slot(given)] = false
      given += 1
      monitor.signal()
    }
  }

  /// Whether the job of this slot is done, after waiting for at most this many milliseconds.
  func isDone(_ slot: Int, waiting milliseconds: Int = 0) -> Bool {
    monitor.locked {
      if !done[slot], milliseconds > 0 { monitor.wait(milliseconds: milliseconds) }
      return done[slot]
    }
  }

  /// Ends the threads. A thread that is doing a job ends after it, and is not waited for: at the
  /// highest levels a block takes seconds.
  func stop() {
    let isIdle = monitor.locked {
      isStopping = true
      monitor.signal()
      return running == 0
    }
    for thread in threads { if isIdle { thread.join() } else { thread.detach() } }
    threads = []
  }
}
