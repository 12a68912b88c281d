import StreamCore
import StreamIO
import Synchronization

extension ReadStream {
  /// Looks whether the source ends where the disk does, and closes it.
  func end(after failure: String?, by ending: Ending) -> Report {
    state.withLock { state in
      let size = parameters.size
      var report = Report(.read, size: size)
      guard var stream = state.stream.take() else { return report }
      stream.source.patience = .whileEnding
      gauge.waiting.store(.otherEnd, ordering: .relaxed)
      if let failure = state.requests.failure ?? failure {
        report.fail(failure)
      } else if let size, stream.position == size {
        report.apply(stream.source.awaitEnd())
      } else if let size, stream.hasEnded, !parameters.pad {
        report.fail(ReadError.ended(at: stream.position).message(of: size))
      }
      let isWhole = stream.hasEnded || stream.position == size
      let left = size.map { isWhole ? 0 : $0 - min(stream.position, $0) } ?? 0
      report.count(
        sent: stream.takenBytes, output: stream.position, zeroes: 0)
      report.refusedRequests = state.requests.refused
      report.conclude(
        ReadCoverage(
          left: left, dropped: stream.droppedBytes, refused: stream.refusedReads,
          clients: clients.presenceAtEnd()))
      ending.carryOut(on: &report, sourceHasGivenAll: isWhole) { stream.source.close() }
      if let began = state.requests.began { report.seconds = .now - began }
      report.unsaidRefusals = state.requests.unsaid
      return report
    }
  }
}
