import Glibc
import StreamIO
import Synchronization

/// A patience that never sleeps: it counts the time that would have passed, and lets a test do
/// something meanwhile.
final class Waiting: Sendable {
  private struct State {
    var milliseconds = 0
    var questions = 0
    var lines: [String] = []
  }

  private let state = Mutex(State())
  private let goesOn: @Sendable (_ waiting: Waiting) -> Bool

  /// - Parameter goesOn: The answer to each question.
  init(_ goesOn: @escaping @Sendable (_ waiting: Waiting) -> Bool) {
    self.goesOn = goesOn
  }

  /// How long was waited.
  var milliseconds: Int { state.withLock(\.milliseconds) }
  /// How often it was asked whether to wait on.
  var questions: Int { state.withLock(\.questions) }
  /// What the user was told.
  var lines: [String] { state.withLock(\.lines) }

  var patience: Patience {
    Patience(
      pause: { milliseconds in
        self.state.withLock { state in
          state.milliseconds += milliseconds
          state.questions += 1
        }
        return self.goesOn(self)
      },
      announce: { line in self.state.withLock { $0.lines.append(line) } })
  }
}

extension Patience {
  /// Long enough for all that can succeed, so that what can't fails instead of hanging.
  static var ample: Patience {
    let deadline = time(nil) + 100
    return Patience(
      pause: { milliseconds in
        usleep(UInt32(milliseconds) * 1000)
        return time(nil) < deadline
      },
      announce: { _ in })
  }

  /// None: the first wait ends.
  static var none: Patience { Patience(pause: { _ in false }, announce: { _ in }) }
}
