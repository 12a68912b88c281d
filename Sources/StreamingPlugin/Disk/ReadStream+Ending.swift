import StreamCore
import StreamFormats
import StreamIO
import Synchronization

extension ReadStream {
  /// Checks whether the source ends where the disk does, and closes it.
  func end(after failure: String?, by ending: Ending) -> Report {
    state.withLock { state in
      let size = parameters.size
      var report = Report(.read, size: size)
      guard var stream = state.stream.take() else { return report }
      gauge.waiting.store(.otherEnd, ordering: .relaxed)
      // Clients that ask where the zeroes are don't read them. What they were told has been read
      // ahead.
      stream.source.end.patience = .whileEnding
      stream.source.takesMore = false
      if state.requests.began != nil {
        try? stream.takeZeroes(upTo: size ?? Parameters.defaultSize)
      }
      stream.source.takesMore = true
      if let failure = state.requests.failure ?? failure {
        report.fail(failure)
      } else if let size, stream.position == size {
        lookForEnd(of: &stream.source, for: &report)
      } else if let size, stream.hasEnded, !parameters.pad {
        report.fail(ReadError.ended(at: stream.position).message(of: size))
      } else if let doubt = stream.source.end.doubt {
        report.add(doubt)
      }
      let isWhole = stream.hasEnded || stream.position == size
      let left = size.map { isWhole ? 0 : $0 - min(stream.position, $0) } ?? 0
      let compression = stream.source.compression
      report.compression = compression
      report.count(
        sent: stream.takenBytes,
        output: compression == nil ? stream.position : stream.source.bytesTaken,
        zeroes: stream.zeroBytes)
      let padding = size.map { stream.hasEnded ? $0 - min(stream.position, $0) : 0 }
      let digests = stream.source.finishedDigests(padding: parameters.pad ? padding ?? 0 : 0) {
        Patience.whileEnding.pause(0)
      }
      report.digests = (digests.input, digests.disk)
      stream.source.stop()
      report.refusedRequests = state.requests.refused
      report.conclude(
        ReadCoverage(
          left: left, dropped: stream.droppedBytes, refused: stream.refusedReads,
          clients: clients.presenceAtEnd()))
      ending.carryOut(
        on: &report, sourceHasGivenAll: isWhole, command: stream.source.end.command
      ) {
        stream.source.end.close()
      }
      if let began = state.requests.began { report.seconds = .now - began }
      report.unsaidRefusals = state.requests.unsaid
      return report
    }
  }

  /// How long a source may neither end nor go on at the end of the disk.
  private static let endSeconds = 10.0

  /// Checks whether the source ends where the disk does. For a compressed source, it checks whether
  /// what follows is right and decodes to nothing.
  private func lookForEnd(of source: inout Source, for report: inout Report) {
    source.end.patience = .whileEnding
    guard source.compression != nil else { return report.apply(source.end.awaitEnd()) }
    source.end.patience = .whileEnding(for: Self.endSeconds)
    do throws(TransferError) {
      let more = try source.finish()
      report.apply(more > 0 ? .more(more) : source.end.doubt.map { .doubtful($0) } ?? .ended)
    } catch {
      switch error {
      case .broken(let failure): report.fail(failure.reason)
      case .interrupted:
        report.apply(
          TerminationSignals.wereSent ? .interrupted : .silent(seconds: Int(Self.endSeconds)))
      }
    }
  }
}
