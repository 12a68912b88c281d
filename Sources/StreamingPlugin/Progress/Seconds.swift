import Glibc

/// Time that only goes forward, in seconds from some moment.
struct Seconds: Sendable {
  let value: Double

  static var now: Seconds {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Seconds(value: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
  }

  static func - (end: Seconds, start: Seconds) -> Double {
    end.value - start.value
  }
}
