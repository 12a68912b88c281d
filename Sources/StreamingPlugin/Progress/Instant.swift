import Glibc

/// A moment, in seconds since some other moment, by a clock that only goes forward.
struct Instant: Sendable {
  let seconds: Double

  static var now: Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(seconds: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
  }

  static func - (end: Instant, start: Instant) -> Double {
    end.seconds - start.seconds
  }
}
