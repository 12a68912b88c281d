import Dispatch

/// Ends a system call that should not have blocked, so that its test fails instead of hanging.
final class Watchdog {
  private let timer: DispatchWorkItem

  init(_ bite: @escaping @Sendable () -> Void) {
    timer = DispatchWorkItem(block: bite)
    // Not a global queue, whose threads may all be in tests.
    DispatchQueue(label: "watchdog").asyncAfter(deadline: .now() + .seconds(60), execute: timer)
  }

  func stop() {
    timer.cancel()
  }
}
