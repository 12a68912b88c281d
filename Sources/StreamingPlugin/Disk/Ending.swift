import NBDKit
import StreamCore
import StreamIO
import SystemPackage

/// How a stream ends, in either direction: the name of a FIFO goes, the descriptor is closed, and a
/// command at the other end is waited for or ended.
struct Ending: Sendable {
  /// How long a command may live that has given all of the disk.
  private static let commandSeconds = 10.0

  let endpoint: PreparedEndpoint
  /// The parameter that named it, for messages.
  let name: String
  /// Who reads or writes the stream, if it is a command that was started for it.
  let command: Command?

  /// Ends a stream that is written. Where all of the disk was delivered a command's input ends and the
  /// command is waited for; otherwise it is ended before its input.
  ///
  /// - Parameters:
  ///   - report: What is known; its outcome decides.
  ///   - readerHasGone: A command that no longer reads is about to end by itself, mostly, and how tells
  ///     why.
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
      // Ended before its input is: nobody else does that any more.
      report.apply(.notTold)
      _ = abandon(&command, after: 0)
      try? close()
      return
    }
    try? close()
    report.apply(.ended(command.end(.whileEnding)))
  }

  /// Ends a stream that is read. A command that has given all it has may take a few seconds to end; any
  /// other is ended.
  ///
  /// - Parameter command: As the source knows it, which may have heard already how it ended.
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
          "the command gave all of the disk, but did not end for "
            + "\(Int(Self.commandSeconds)) seconds")
      }
      let ending = abandon(&command, after: 0)
      return report.apply(isInterrupted ? .ended(.interrupted) : ending)
    }
    // Its supervisor waits to hear that all is well.
    _ = command.complete()
    report.apply(.ended(command.end(.whileEnding)))
  }

  /// Removes a FIFO that was made here. Before the descriptor is closed: who opens the FIFO after that
  /// would wait for ever.
  func removeName() {
    do throws(Failure) { try endpoint.remove() } catch {
      Server.error(PluginError(error, of: name).message)
    }
  }

  private func abandon(_ command: inout Command, after seconds: Double) -> CommandEnd {
    let early = command.earlyStatus(.whileEnding(for: seconds))
    command.abandon()
    // The supervisor gives it 5 seconds, then kills it.
    return .abandoned(command.end(.whileEnding(for: 15)), early: early)
  }
}
