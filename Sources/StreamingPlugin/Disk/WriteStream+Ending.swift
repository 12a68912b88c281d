import NBDKit
import StreamCore
import StreamFormats
import StreamIO
import Synchronization
import SystemPackage

extension WriteStream {
  /// Sends what is due, waits until the reader has taken it, and closes.
  func end(after failure: String?, by ending: Ending) -> Report {
    state.withLock { state in
      var report = Report(.write, size: parameters.size)
      report.format = parameters.format
      report.compression = parameters.compression
      guard var stream = state.stream.take() else { return report }
      stream.sink.end.patience = .whileEnding
      stream.sink.goOn = { Patience.whileEnding.pause(0) }
      defer { stream.sink.stop() }
      gauge.waiting.store(.otherEnd, ordering: .relaxed)
      if let failure = state.requests.failure ?? failure { report.fail(failure) }

      // This is counted first: what the end makes of a gap was never written.
      let size = parameters.size ?? stream.high
      var coverage = Coverage(
        missing: stream.missingBytes(of: size), first: stream.firstMissing(of: size),
        isSettled: state.isSettled, needsFlush: parameters.rewind > 0,
        clients: clients.presenceAtEnd())
      do throws(StreamError) {
        try stream.finish()
        if report.outcome != .failed, parameters.pad, coverage.missing > 0 {
          coverage.padding = padding(state, coverage)
          if coverage.padding == .added { try stream.pad(to: size) }
        }
        // Where no reader ever came nobody is to have an end.
        if report.mayEndWell(coverage), !stream.sink.end.lacksReader { try stream.seal() }
        // A command was started for this stream, so it is waited for as long as it lives.
        report.apply(stream.sink.end.drain(idleSeconds: ending.command == nil ? 10 : nil))
      } catch {
        report.fail(state.reason(of: error))
        report.leave(stream.sink.end.lost)
      }
      report.count(
        sent: stream.position, output: stream.sink.outputOffset, zeroes: stream.zeroesSent
      ) { unread in
        stream.sink.delivered(unread: unread, of: stream.position)
      }
      report.largestReorder = stream.largestReorder
      Server.debug("the largest reorder was \(stream.largestReorder) bytes waiting")
      report.refusedRequests = state.requests.refused
      report.conclude(coverage)
      if report.outcome != .failed {
        report.digests = stream.sink.finishedDigests()
      }
      let readerHasGone = stream.sink.end.readerHasGone
      ending.carryOut(on: &report, readerHasGone: readerHasGone) { () throws(Errno) in
        try stream.sink.end.close()
      }
      if let began = state.requests.began { report.seconds = .now - began }
      report.unsaidRefusals = state.requests.unsaid
      return report
    }
  }

  /// What is done about missing bytes that the user declared to be zeroes.
  private func padding(_ state: State, _ coverage: Coverage) -> Coverage.Padding {
    if state.lastChange == nil { return .refused("nothing was written") }
    if state.requests.refused > 0 {
      return .refused("\(state.requests.refused) requests were answered with an error")
    }
    return coverage.clients == .connected ? .refused("a client is still connected") : .added
  }
}
