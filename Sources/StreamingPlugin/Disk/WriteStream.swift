import NBDKit
import StreamCore
import StreamIO
import Synchronization
import SystemPackage

/// The one stream of this process, shared by its clients.
///
/// One lock is around everything: nbdkit calls one data callback at a time for each client, not over
/// all of them.
final class WriteStream: DiskStream {
  typealias Stream = OrderedStream<DescriptorSink, SegmentedStore>

  struct State: Sendable {
    /// `nil` where the endpoint could not be opened: clients are refused then.
    var stream: Stream?
    /// Who reads the stream, if it is a command that was started for it.
    var command: Command?
    /// The first failure that can't be made good.
    var failure: String?
    /// The last request that failed without making every later one fail: its bytes are owed.
    var owing: String?
    /// When the first request came.
    var began: Instant?
  }

  /// While nothing above it is written a client may begin again: what `qemu-img` zeroes first is less.
  private static let head: UInt64 = 4096

  let state = Mutex(State())
  let clients: Clients
  let gauge: Gauge

  init(for clients: Clients, gauge: Gauge) {
    self.clients = clients
    self.gauge = gauge
  }

  /// Opens the stream for requests.
  func begin(
    _ sink: DescriptorSink, _ command: Command?, _ parameters: Parameters,
    keepingIn medium: any SegmentMedium
  ) {
    if sink.capacity > 0 { Server.debug("the pipe holds \(sink.capacity) bytes") }
    // A disk that is all head would wait for the end as a whole.
    let head = (parameters.size ?? .max) <= Self.head ? 0 : Self.head
    let stream = Stream(
      limits: Stream.Limits(
        reorder: parameters.reorder, rewind: parameters.rewind, head: head),
      sink: sink, store: SegmentedStore(in: medium))
    state.withLock {
      $0.stream = stream
      $0.command = command
    }
  }

  /// Refuses every client from now on.
  func refuseAll(because reason: String) {
    clients.refuseAll()
    state.withLock { $0.failure = $0.failure ?? reason }
  }

  // MARK: Requests

  func write(_ bytes: RawSpan, at offset: UInt64) throws(PluginError) {
    do {
      try state.withLock { (state) throws(StreamError) in
        state.begin()
        gauge.waiting.store(.nobody, ordering: .relaxed)
        defer { gauge.waiting.store(.client, ordering: .relaxed) }
        guard try state.stream?.write(bytes, at: offset) != nil else { throw .failedBefore }
      }
    } catch {
      throw owing("write", offset, UInt64(bytes.byteCount), error)
    }
  }

  func zero(_ range: Range<UInt64>) throws(PluginError) {
    do {
      try state.withLock { (state) throws(StreamError) in
        state.begin()
        gauge.waiting.store(.nobody, ordering: .relaxed)
        defer { gauge.waiting.store(.client, ordering: .relaxed) }
        guard try state.stream?.zero(range) != nil else { throw .failedBefore }
      }
    } catch {
      throw owing("zero", range.lowerBound, range.upperBound - range.lowerBound, error)
    }
  }

  func flush() throws(PluginError) {
    do {
      try state.withLock { (state) throws(StreamError) in
        guard try state.stream?.flush() != nil else { throw .failedBefore }
      }
    } catch {
      throw failed("flush", error)
    }
  }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) throws(PluginError) {
    let count = UInt64(buffer.freeCapacity)
    do {
      try state.withLock { (state) throws(StreamError) in
        guard try state.stream?.read(into: &buffer, at: offset) != nil else {
          throw .failedBefore
        }
      }
    } catch {
      throw failed("read", offset, count, error)
    }
  }

  func forEachExtent(
    in range: Range<UInt64>,
    _ body: (Range<UInt64>, StreamExtent) throws(PluginError) -> Bool
  ) throws(PluginError) {
    try state.withLock { (state) throws(PluginError) in
      try state.stream?.forEachExtent(in: range, body)
    }
  }

  // MARK: Failures

  private func failed(
    _ request: String, _ offset: UInt64, _ count: UInt64, _ error: StreamError
  ) -> PluginError {
    failed("\(request) of \(count) bytes at offset \(offset)", error)
  }

  /// The same for a request whose bytes are missing now.
  private func owing(
    _ request: String, _ offset: UInt64, _ count: UInt64, _ error: StreamError
  ) -> PluginError {
    let failure = failed(request, offset, count, error)
    state.withLock { $0.owing = failure.message }
    return failure
  }

  /// Says what became of a request. Where the stream has failed with it, that is remembered.
  private func failed(_ request: String, _ error: StreamError) -> PluginError {
    var message = "\(request): \(error.message)"
    if case .late = error, let missed = state.withLock({ $0.stream?.missedWindow }) {
      message += ": \(missed.remedy)"
    }
    let failure = PluginError(error.errno, message)
    if error.isFinal { refuseAll(because: failure.message) }
    return failure
  }
}

extension WriteStream.State {
  /// Why the stream could not be finished: bytes that are owed are so since a request failed.
  func reason(of error: StreamError) -> String {
    guard case .owed = error, let owing else { return error.message }
    return owing
  }

  mutating func begin() {
    if began == nil { began = .now }
  }
}
