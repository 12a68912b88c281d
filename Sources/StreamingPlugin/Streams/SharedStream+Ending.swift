import NBDKit
import StreamCore
import StreamIO
import Synchronization

extension SharedStream {
  /// Ends the stream: sends what is due, waits for the reader to take it, and closes.
  func end(
    _ parameters: Parameters, excusing excused: Int32?, removingName removeName: () -> Void
  ) -> Report {
    TerminationSignals.catch(except: excused)
    let size = parameters.size
    return state.withLock { state in
      var report = Report(.write, size: parameters.size)
      guard var stream = state.stream else {
        report.fail(state.failure ?? "the stream was never opened")
        removeName()
        return report
      }
      state.stream = nil
      stream.sink.patience = .whileEnding
      gauge.waiting.store(.otherEnd, ordering: .relaxed)
      do throws(StreamError) {
        try stream.finish()
        if let failure = state.failure {
          report.fail(failure)
        } else if parameters.pad, let size, clients.haveLeft {
          try stream.pad(to: size)
        }
        // A command is no stranger: it is waited for as long as it lives.
        report.apply(stream.sink.drain(idleSeconds: state.command == nil ? 10 : nil))
      } catch {
        report.fail(state.failure ?? state.reason(of: error))
        report.leave(stream.sink.lost)
      }
      removeName()
      if state.command == nil {
        do { try stream.sink.close() } catch { report.fail("the last bytes: \(error)") }
      }
      report.count(stream.position, zeroes: stream.zeroesSent)
      report.largestReorder = stream.largestReorder
      Server.debug("the largest disorder was \(stream.largestReorder) bytes waiting")
      report.conclude(clientsThere: clients.countThere)
      if let command = state.command { report.end(command, closing: stream.sink) }
      if let began = state.began { report.seconds = .now - began }
      return report
    }
  }
}
