import NBDKit
import StreamCore
import StreamFormats
import StreamIO
import Synchronization
import SystemPackage

/// What belongs to one disk before the server has forked: it is checked, and made ready as far as
/// that is possible then.
struct PreparedDisk: Sendable {
  let parameters: Parameters
  var endpoint: PreparedEndpoint
  /// The name of the endpoint in messages.
  let name: String
  let medium: any SegmentMedium

  /// Nothing is changed before everything was checked.
  init(_ parameters: Parameters) throws(PluginError) {
    guard let named = parameters.endpoint else {
      throw PluginError(.invalidArgument, "pipe: missing")
    }
    try parameters.report?.check()
    do { try parameters.encoding.checkMemory() } catch {
      throw PluginError(error, of: parameters.codingName)
    }
    medium = try parameters.medium()
    endpoint = try PreparedEndpoint.prepare(named)
    // The report's path may be that of the FIFO just made, in another spelling.
    try parameters.report?.check()
    name = named.name
    self.parameters = parameters
  }
}

/// One disk that is served, and everything that belongs to it.
final class Disk: Sendable {
  /// The stream, by the way it goes.
  enum Stream: Sendable {
    case written(WriteStream)
    case read(ReadStream)

    var any: any DiskStream {
      switch self {
      case .written(let stream): stream
      case .read(let stream): stream
      }
    }
  }

  private let parameters: Parameters
  private let clients = Clients()
  private let ending: Ending
  /// `nil` if the endpoint could not be opened: clients are refused then.
  private let stream: Stream?
  private let progress: Progress?
  /// What failed outside of any request.
  private let failure = Mutex<String?>(nil)

  /// Opens what was prepared, in the serving process. It never fails: under `--run` the command
  /// would wait for ever for a server that is gone. If something can't be opened, this prints a
  /// message, and every client is refused.
  init(_ prepared: PreparedDisk) {
    parameters = prepared.parameters
    let gauge = Gauge()
    var endpoint = prepared.endpoint
    var reason: PluginError?
    var stream: Stream?
    var command: Command?
    // The reserve is let go at the end, when nothing more is opened.
    let reserve: DescriptorReserve?
    do throws(Failure) {
      reserve = try DescriptorReserve()
    } catch {
      reserve = nil
      reason = PluginError(error, of: prepared.name)
    }
    if reason == nil {
      do throws(Failure) {
        let opened = try endpoint.open()
        command = opened.command
        do throws(TransferError) {
          stream = try Self.stream(opened, prepared, clients, gauge)
        } catch {
          reason = PluginError(error, of: parameters.codingName)
        }
      } catch {
        reason = PluginError(error, of: prepared.name)
      }
    }
    self.stream = stream
    ending = Ending(endpoint: endpoint, name: prepared.name, command: command)
    // It is checked again, as nbdkit may have become another user, but not before a FIFO was
    // opened: its reader may be waiting for that.
    if reason == nil {
      do throws(PluginError) {
        try parameters.report?.check()
        try parameters.report?.reserve()
      } catch {
        reason = error
      }
    }
    if reason == nil, let style = parameters.progress {
      progress = Progress(
        as: style, of: gauge, size: parameters.size,
        encodes: parameters.direction == .write && !parameters.encodingName.isEmpty,
        otherEnd: parameters.direction == .write ? "reader" : "writer")
    } else {
      progress = nil
    }
    if let reason {
      Server.error(reason.message)
      refuseAll(because: reason.message)
    }
    _ = consume reserve
  }

  private static func stream(
    _ endpoint: OpenEndpoint, _ prepared: PreparedDisk, _ clients: Clients, _ gauge: Gauge
  ) throws(TransferError) -> Stream {
    switch prepared.parameters.direction {
    case .write:
      let sink = DescriptorSink(
        endpoint, name: prepared.name, patience: .whileServing, gauge: gauge)
      var encoder = try EncodingSink(prepared.parameters.encoding, end: sink)
      encoder.goOn = { Patience.whileServing.pause(0) }
      encoder.hasFreeProcessor = { Processors.isOneFree }
      try encoder.start()
      return .written(
        WriteStream(
          encoder, prepared.parameters, keepingIn: prepared.medium, for: clients, gauge: gauge))
    case .read:
      let source = DescriptorSource(
        endpoint, name: prepared.name, patience: .whileServing, gauge: gauge)
      let decoded = try DecodedSource(prepared.parameters.decoding, from: source)
      try decoded.start()
      return .read(
        ReadStream(
          decoded, prepared.parameters, keepingIn: prepared.medium, for: clients, gauge: gauge))
    }
  }

  private func refuseAll(because reason: String) {
    clients.refuseAll()
    failure.withLock { $0 = $0 ?? reason }
  }

  /// Refuses a client by throwing. It does not take the lock of the stream, which a waiting request
  /// may hold, and it does not wait.
  ///
  /// - Parameters:
  ///   - readOnly: Whether the client gets a disk that can't be written.
  ///   - whose: What asked for that, which decides on the advice in the message.
  func checkClient(readOnly: Bool, _ whose: ReadOnly) throws(PluginError) {
    guard !readOnly || parameters.direction == .read else {
      let error = PluginError(.readOnlyFileSystem, whose.message)
      refuseAll(because: error.message)
      throw error
    }
    try clients.checkAccepting()
  }

  /// What opens a disk for reading alone.
  enum ReadOnly {
    case option, filter

    fileprivate var message: String {
      switch self {
      case .option: "-r: this disk is for writing: start nbdkit without -r"
      case .filter:
        "a filter opened the disk read-only, but this disk is for writing: "
          + "start nbdkit without that filter"
      }
    }
  }

  /// Gives a client its connection.
  func connect() throws(PluginError) -> StreamConnection {
    guard let stream else { throw PluginError(.ioError, "refused: the stream was never opened") }
    return StreamConnection(
      stream, for: clients, size: parameters.size ?? Parameters.defaultSize,
      process: Server.peerProcess)
  }

  /// Ends the stream and reports what became of it. It is called once, after the last request.
  func end() {
    var report: Report
    let failure = failure.withLock { $0 }
    if let stream {
      report = stream.any.end(after: failure, by: ending)
    } else {
      report = Report(parameters.direction, size: parameters.size)
      report.fail(failure ?? "the stream was never opened")
      ending.removeName()
    }
    progress?.end(report)
    for line in report.lines {
      switch line {
      case .error(let text): Server.error(text)
      case .debug(let text): Server.debug(text)
      }
    }
    do throws(PluginError) { try parameters.report?.write(report) } catch {
      Server.error(error.message)
    }
  }
}
