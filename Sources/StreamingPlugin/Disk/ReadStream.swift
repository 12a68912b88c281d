import NBDKit
import StreamCore
import StreamFormats
import StreamIO
import Synchronization
import SystemPackage

/// The stream of a disk that is read, shared by its clients: the twin of ``WriteStream``.
final class ReadStream: DiskStream {
  typealias Source = DecodedSource<DescriptorSource>
  typealias Stream = StreamedDisk<Source, SegmentedStore>

  struct State: Sendable {
    /// `nil` once it has ended.
    var stream: Stream?
    var requests = RequestLog()
  }

  let state: Mutex<State>
  let parameters: Parameters
  let clients: Clients
  let gauge: Gauge

  /// Makes a stream from `source`.
  init(
    _ source: Source, _ parameters: Parameters, keepingIn medium: any SegmentMedium,
    for clients: Clients, gauge: Gauge
  ) {
    let stream = Stream(
      rewind: parameters.rewind, pads: parameters.pad, source: source,
      store: SegmentedStore(in: medium))
    state = Mutex(State(stream: stream))
    self.parameters = parameters
    self.clients = clients
    self.gauge = gauge
  }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) throws(PluginError) {
    let count = buffer.freeCapacity
    try state.withLock { (state) throws(PluginError) in
      state.requests.begin()
      gauge.waiting.store(.nobody, ordering: .relaxed)
      defer {
        gauge.position.store(state.stream?.position ?? 0, ordering: .relaxed)
        gauge.waiting.store(.client, ordering: .relaxed)
      }
      do throws(ReadError) {
        guard try state.stream?.read(into: &buffer, at: offset) != nil else {
          throw .broken(Failure(errno: Errno.ioError.rawValue, reason: "the stream has ended"))
        }
      } catch {
        if error.isFinal { clients.refuseAll() }
        throw state.requests.refuse(
          "read of \(count) bytes at offset \(offset)", error,
          saying: error.message(of: parameters.size))
      }
    }
  }

  /// Tells where the disk's zeroes are, in ascending order from the beginning of the range on.
  func forEachExtent(
    in range: Range<UInt64>, onlyFirst: Bool,
    _ body: (Range<UInt64>, StreamExtent) throws(PluginError) -> Void
  ) throws(PluginError) {
    // Nothing is known of a raw stream, so this need not wait for a request that waits for it.
    guard parameters.decompress != nil else { return try body(range, .data) }
    let extents = try state.withLock { (state) throws(PluginError) in
      state.requests.begin()
      gauge.waiting.store(.nobody, ordering: .relaxed)
      defer { gauge.waiting.store(.client, ordering: .relaxed) }
      do throws(ReadError) {
        return try state.stream?.extents(in: range, onlyFirst: onlyFirst) ?? []
      } catch {
        throw state.requests.refuse(
          "extents of \(range.upperBound - range.lowerBound) bytes at offset \(range.lowerBound)",
          error,
          saying: error.message(of: parameters.size))
      }
    }
    for extent in extents { try body(extent.range, extent.kind) }
  }
}
