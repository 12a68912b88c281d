import NBDKit
import StreamCore
import StreamFormats
import StreamIO
import Synchronization
import SystemPackage

/// The stream of a disk that is written, shared by its clients.
///
/// One lock is around everything: nbdkit makes one data callback at a time for each client, not
/// over all clients.
final class WriteStream: DiskStream {
  typealias Stream = OrderedStream<EncodingSink<DescriptorSink>, SegmentedStore>

  struct State: Sendable {
    /// `nil` once it has ended.
    var stream: Stream?
    var requests = RequestLog()
    /// The last refused request whose bytes are owed.
    var owing: String?
    /// The client that changed the disk last, if any did.
    var lastChange: Clients.ID?
    /// Whether that client flushed after its last change. A flush by another client does not say
    /// that this one had done everything it meant to do.
    var isSettled = false
  }

  /// While nothing above it is written, a client may begin again: what `qemu-img` zeroes first is
  /// less.
  private static let head: UInt64 = 4096

  let state: Mutex<State>
  let parameters: Parameters
  let clients: Clients
  let gauge: Gauge

  /// Makes a stream into `sink`.
  init(
    _ sink: EncodingSink<DescriptorSink>, _ parameters: Parameters,
    keepingIn medium: any SegmentMedium, for clients: Clients, gauge: Gauge
  ) {
    if sink.end.capacity > 0 { Server.debug("the pipe holds \(sink.end.capacity) bytes") }
    // A disk that is all head would wait for the end as a whole.
    let head = (parameters.size ?? .max) <= Self.head ? 0 : Self.head
    let stream = Stream(
      limits: Stream.Limits(
        reorder: parameters.reorder, rewind: parameters.rewind, head: head),
      sink: sink, store: SegmentedStore(in: medium))
    state = Mutex(State(stream: stream))
    self.parameters = parameters
    self.clients = clients
    self.gauge = gauge
  }

  // MARK: Requests

  func write(
    _ bytes: RawSpan, at offset: UInt64, by client: Clients.ID
  ) throws(PluginError) {
    try state.withLock { (state) throws(PluginError) in
      state.requests.begin()
      gauge.waiting.store(.nobody, ordering: .relaxed)
      defer { gauge.waiting.store(.client, ordering: .relaxed) }
      do throws(StreamError) {
        guard try state.stream?.write(bytes, at: offset) != nil else { throw .failedBefore }
        try accepted(by: client, &state)
      } catch {
        throw refuseChange("write", offset, UInt64(bytes.byteCount), error, &state)
      }
    }
  }

  func zero(_ range: Range<UInt64>, by client: Clients.ID) throws(PluginError) {
    try state.withLock { (state) throws(PluginError) in
      state.requests.begin()
      gauge.waiting.store(.nobody, ordering: .relaxed)
      defer { gauge.waiting.store(.client, ordering: .relaxed) }
      do throws(StreamError) {
        guard try state.stream?.zero(range) != nil else { throw .failedBefore }
        try accepted(by: client, &state)
      } catch {
        throw refuseChange(
          "zero", range.lowerBound, range.upperBound - range.lowerBound, error, &state)
      }
    }
  }

  func flush(by client: Clients.ID) throws(PluginError) {
    try state.withLock { (state) throws(PluginError) in
      do throws(StreamError) {
        guard try state.stream?.flush() != nil else { throw .failedBefore }
        if state.lastChange == client { state.isSettled = true }
      } catch {
        throw refuse("flush", error, &state)
      }
    }
  }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) throws(PluginError) {
    let count = buffer.freeCapacity
    try state.withLock { (state) throws(PluginError) in
      do throws(StreamError) {
        guard try state.stream?.read(into: &buffer, at: offset) != nil else {
          throw .failedBefore
        }
      } catch {
        throw refuse("read of \(count) bytes at offset \(offset)", error, &state)
      }
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

  /// Notes that a client changed the disk. If that was the last that was missing, all of the
  /// output, including its end, is in the reader's pipe before the client is told: an error must be
  /// the answer to a write.
  private func accepted(by client: Clients.ID, _ state: inout State) throws(StreamError) {
    state.changed(by: client)
    guard let position = state.stream?.position else { return }
    gauge.position.store(position, ordering: .relaxed)
    guard let size = parameters.size, position == size, parameters.rewind == 0,
      state.stream?.missingBytes(of: size) == 0
    else { return }
    try state.stream?.seal()
  }

  // MARK: Refusals

  private func refuse(
    _ request: String, _ error: StreamError, _ state: inout State
  ) -> PluginError {
    if error.isFinal { clients.refuseAll() }
    return state.requests.refuse(
      request, error, saying: state.stream.map { error.message(in: $0) })
  }

  /// The same for a request whose bytes are owed now.
  private func refuseChange(
    _ request: String, _ offset: UInt64, _ count: UInt64, _ error: StreamError,
    _ state: inout State
  ) -> PluginError {
    let name = "\(request) of \(count) bytes at offset \(offset)"
    if error != .failedBefore {
      state.owing = "\(name): \(state.stream.map { error.message(in: $0) } ?? error.message)"
    }
    return refuse(name, error, &state)
  }
}

extension WriteStream.State {
  fileprivate mutating func changed(by client: Clients.ID) {
    lastChange = client
    isSettled = false
  }

  /// Why the stream could not be finished: if bytes are owed, it is because a request failed.
  func reason(of error: StreamError) -> String {
    guard case .owed = error, let owing else { return error.message }
    return owing
  }
}
