import StreamIO

/// How a command at the other end of the stream ended, and why.
enum CommandEnd: Equatable, Sendable {
  /// The command ended by itself, after a whole disk.
  case ended(Command.Ending)
  /// It was to be told that the disk is whole, but its supervisor was gone.
  case notTold
  /// The command was ended. `early` is its exit status if it had ended before that.
  case abandoned(Command.Ending, early: Int?)
}

extension Report {
  /// Notes how the command ended.
  mutating func apply(_ end: CommandEnd) {
    switch end {
    case .notTold: fail("the command's supervisor was killed")
    case .ended(.status(let status)):
      exitStatus = status
      if status != 0 { fail("the command failed with exit status \(status)") }
    case .ended(.unknown):
      fail("the command's supervisor was killed, so what became of the command is not known")
    case .ended(.interrupted):
      switch direction {
      case .write:
        fail(
          "ended by a signal: the command has the whole disk, but what became of it is not known")
      case .read:
        fail("ended by a signal: the command has given the whole disk but has not ended")
      }
    case .abandoned(.status(let status), let early):
      exitStatus = status
      switch (early, direction) {
      case (let early?, .write): add("the command ended with exit status \(early)")
      // If a source ends, its command's failure is the reason already.
      case (_?, .read): break
      case (nil, _):
        // If all seemed well, there is a doubt because the command had to be ended.
        if outcome == .complete { outcome = .unknown }
        add("the command was ended")
      }
    case .abandoned(.unknown, _): add("the command's supervisor was killed")
    case .abandoned(.interrupted, _):
      add("the command has not ended yet, and its input stays open until it does")
    }
  }
}
