import NBDKit
import StreamCore
import StreamIO
import Synchronization
import SystemPackage

/// The one stream of this process where it is read, shared by its clients as ``WriteStream`` is.
final class ReadStream: DiskStream {
  typealias Disk = StreamedDisk<DescriptorSource, SegmentedStore>

  struct State: Sendable {
    /// `nil` where the endpoint could not be opened: clients are refused then.
    var disk: Disk?
    /// The disk's size in bytes, if the user gave it.
    var size: UInt64?
    /// The first failure that can't be made good.
    var failure: String?
    /// When the first request came.
    var began: Instant?
  }

  let state = Mutex(State())
  let clients: Clients
  let gauge: Gauge

  init(for clients: Clients, gauge: Gauge) {
    self.clients = clients
    self.gauge = gauge
  }

  /// Opens the stream for requests.
  func begin(
    _ source: DescriptorSource, _ parameters: Parameters, keepingIn medium: any SegmentMedium
  ) {
    let disk = Disk(
      rewind: parameters.rewind, pads: parameters.pad, source: source,
      store: SegmentedStore(in: medium))
    state.withLock { state in
      state.disk = disk
      state.size = parameters.size
    }
  }

  /// Refuses every client from now on.
  func refuseAll(because reason: String) {
    clients.refuseAll()
    state.withLock { $0.failure = $0.failure ?? reason }
  }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) throws(PluginError) {
    let count = buffer.freeCapacity
    do {
      try state.withLock { (state) throws(ReadError) in
        if state.began == nil { state.began = .now }
        gauge.waiting.store(.nobody, ordering: .relaxed)
        defer {
          gauge.position.store(state.disk?.position ?? 0, ordering: .relaxed)
          gauge.waiting.store(.client, ordering: .relaxed)
        }
        guard try state.disk?.read(into: &buffer, at: offset) != nil else {
          throw .broken(errno: Errno.ioError.rawValue, reason: "the stream was never opened")
        }
      }
    } catch {
      let reason = error.message(state.withLock(\.size))
      let failure = PluginError(
        error.errno, "read of \(count) bytes at offset \(offset): \(reason)")
      if case .broken = error { refuseAll(because: failure.message) }
      throw failure
    }
  }

  /// Ends the stream: looks whether its source ends where the disk does, and closes it.
  func end(
    _ parameters: Parameters, excusing excused: Int32?, removingName removeName: () -> Void
  ) -> Report {
    TerminationSignals.catch(except: excused)
    let size = parameters.size
    return state.withLock { state in
      var report = Report(.read, size: size)
      guard var disk = state.disk else {
        report.fail(state.failure ?? "the stream was never opened")
        removeName()
        return report
      }
      state.disk = nil
      report.count(disk.position, zeroes: 0)
      if let failure = state.failure {
        report.fail(failure)
      } else if let size, disk.position == size {
        disk.source.patience = .whileEnding
        report.apply(disk.source.awaitEnd())
      } else if let size, disk.hasEnded {
        if parameters.pad {
          report.count(size, zeroes: size - disk.position)
        } else {
          report.fail(ReadError.ended(at: disk.position).message(size))
        }
      }
      removeName()
      disk.source.close()
      report.conclude(clientsThere: clients.countThere)
      if let command = disk.source.command {
        report.end(command, hasGivenAll: disk.hasEnded || disk.position == size)
      }
      if let began = state.began { report.seconds = .now - began }
      return report
    }
  }
}

extension ReadError {
  /// What the client is sent.
  var errno: Errno {
    switch self {
    case .gone, .ended, .broken: .ioError
    case .lost(let error): Errno(rawValue: error.errno)
    case .interrupted: .socketShutdown
    }
  }

  /// What happened, and what would be right, to follow the request's name.
  func message(_ size: UInt64?) -> String {
    switch self {
    case .gone(let position, let rewind):
      "behind the stream's position \(position), what lies there went by"
        + (rewind.map { ": rewind=\(Parameters.written($0)) would have kept it" } ?? "")
    case .lost(let error): "could not be kept: \(error.reason)"
    case .ended(let position):
      "the source ended after \(position)\(size.map { " of \($0)" } ?? "") bytes"
    case .interrupted: "interrupted: the client has gone or the server stops"
    case .broken(_, let reason): reason
    }
  }
}
