import NBDKit
import StreamCore
import StreamIO
import SystemPackage

/// How a stream ends, in either direction: the name of a FIFO is removed, the descriptor is closed,
/// and a command at the other end is waited for or ended.
struct Ending: Sendable {
  /// How long a command may still live after it has given all of the disk.
  private static let commandSeconds = 10.0

  let endpoint: PreparedEndpoint
  /// The parameter that named it, for messages.
  let name: String
  /// The command that reads or writes the stream, if one was started for it.
  let command: Command?

  /// Ends a stream that is written. If all of the disk was delivered, the command's input ends and
  /// the command is waited for; otherwise the command is ended before its input.
  ///
  /// - Parameters:
  ///   - report: What is known so far; its outcome decides.
  ///   - readerHasGone: A command that no longer reads is mostly about to end by itself, and the
  ///     way it ends tells why.
  ///   - close: Closes the descriptor.
  func carryOut(
    on report: inout Report, readerHasGone: Bool, closing close: () throws(Errno) -> Void
  ) {
    removeName()
    guard var command else {
      do { try close() } catch { report.fail("the last bytes: \(error)") }
      return
    }
    guard report.outcome == .complete else {
      report.apply(abandon(&command, after: readerHasGone ? 1 : 0))
      try? close()
      return
    }
    guard command.complete() else {
      // The command is ended before its input ends, as nothing else ends it any more.
      report.apply(.notTold)
      _ = abandon(&command, after: 0)
      try? close()
      return
    }
    try? close()
    report.apply(.ended(command.end(.whileEnding)))
  }

  /// Ends a stream that is read. A command that has given all of its output may take a few seconds
  /// to end; any other is ended.
  ///
  /// - Parameter command: The command as the source knows it: the source may know already how it
  ///   ended.
  func carryOut(
    on report: inout Report, sourceHasGivenAll: Bool, command: Command?, closing close: () -> Void
  ) {
    removeName()
    close()
    guard var command else { return }
    guard report.outcome != .failed, sourceHasGivenAll else {
      return report.apply(abandon(&command, after: 0))
    }
    guard command.earlyStatus(.whileEnding(for: Self.commandSeconds)) != nil else {
      let isInterrupted = TerminationSignals.wereSent
      if !isInterrupted {
        report.add(
          "the command gave the whole disk but did not end for "
            + "\(Int(Self.commandSeconds)) seconds")
      }
      let ending = abandon(&command, after: 0)
      return report.apply(isInterrupted ? .ended(.interrupted) : ending)
    }
    // The supervisor waits to be told that all is well.
    _ = command.complete()
    report.apply(.ended(command.end(.whileEnding)))
  }

  /// Removes a FIFO that was made here. This is done before the descriptor is closed: a process
  /// that opens the FIFO after that would wait for ever.
  func removeName() {
    do throws(Failure) { try endpoint.remove() } catch {
      Server.error(PluginError(error, of: name).message)
    }
  }

  private func abandon(_ command: inout Command, after seconds: Double) -> CommandEnd {
    let early = command.earlyStatus(.whileEnding(for: seconds))
    command.abandon()
    // The supervisor gives the command 5 seconds, then kills it.
    return .abandoned(command.end(.whileEnding(for: 15)), early: early)
  }
}
