import StreamIO

extension Report {
  /// Ends the stream's reader, a command. Where all of the disk was delivered its input ends and it is
  /// waited for; otherwise it is ended before its input.
  mutating func end(_ command: Command, closing sink: DescriptorSink) {
    var command = command
    if outcome == .complete, !command.complete() {
      fail("the command's supervisor was killed")
    }
    if outcome == .complete {
      try? sink.close()
      apply(command.end(.whileEnding))
    } else {
      abandon(&command, readerHasGone: sink.readerHasGone)
      try? sink.close()
    }
  }

  /// Ends the stream's writer, a command: one that has given all it has is waited for, but no longer
  /// than a source that is silent; any other is ended.
  mutating func end(_ command: Command, hasGivenAll: Bool) {
    var command = command
    guard outcome != .failed, error == nil, hasGivenAll else {
      return abandon(&command, readerHasGone: false)
    }
    let began = Seconds.now
    guard command.earlyStatus(.whileEnding(for: 10)) != nil else {
      let what =
        TerminationSignals.wereSent
        ? "a signal ended the wait for its end"
        : Seconds.now - began < 10 ? "its end was not seen" : "it did not end for 10 seconds"
      leaveUnknown("the command gave all of the disk, but \(what)")
      return abandon(&command, readerHasGone: false)
    }
    _ = command.complete()
    apply(command.end(.whileEnding))
  }

  /// After a whole disk.
  private mutating func apply(_ ending: Command.Ending) {
    switch ending {
    case .status(let status):
      exited(status)
      if status != 0 { fail("the command failed with exit status \(status)") }
    case .unknown:
      fail("the command's supervisor was killed, so what became of the command is not known")
    case .interrupted:
      fail("ended by a signal: the command has all of the disk, what became of it is not known")
    }
  }

  private mutating func abandon(_ command: inout Command, readerHasGone: Bool) {
    // One that no longer reads is about to end by itself, mostly, and that tells why.
    let early = command.earlyStatus(.whileEnding(for: readerHasGone ? 1 : 0))
    command.abandon()
    // The supervisor gives it 5 seconds, then kills it.
    switch command.end(.whileEnding(for: 15)) {
    case .status(let status):
      exited(status)
      switch (early, direction) {
      case (let early?, .write): add("the command ended with exit status \(early)")
      // Where a source ends its command's failure is the reason already.
      case (_?, .read): break
      case (nil, _): add("the command was ended")
      }
    case .unknown: add("the command's supervisor was killed")
    case .interrupted: add("the command has not ended yet, and until then its input doesn't")
    }
  }
}
