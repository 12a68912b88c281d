import NBDKit
import StreamCore
import StreamFormats
import StreamIO
import Synchronization
import SystemPackage

/// What belongs to one disk before the server has forked: checked, and made ready as far as that is
/// possible then.
struct PreparedDisk: Sendable {
  let parameters: Parameters
  var endpoint: PreparedEndpoint
  /// What messages call it.
  let name: String
  let medium: any SegmentMedium

  /// Changes nothing before everything was checked.
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
    // Under another spelling the report's path may be that of the FIFO just made.
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
  /// `nil` where the endpoint could not be opened: clients are refused then.
  private let stream: Stream?
  private let progress: Progress?
  /// What failed outside of any request.
  private let failure = Mutex<String?>(nil)

  /// Opens what was prepared, in the serving process. Never fails: under `--run` the command would wait
  /// for ever on a server that is gone. What can't be opened is said here, and refuses every client.
  init(_ prepared: PreparedDisk) {
    parameters = prepared.parameters
    let gauge = Gauge()
    var endpoint = prepared.endpoint
    var reason: PluginError?
    var stream: Stream?
    var command: Command?
    // Let go at the end, when nothing more is opened.
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
    // Again, as nbdkit may have become another user. Not before a FIFO was opened: its reader may wait
    // for that.
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

  /// Refuses a client by throwing. Takes neither the lock of the stream, which a waiting request may
  /// hold, nor any time.
  ///
  /// - Parameters:
  ///   - readOnly: Whether the client shall get a disk that can't be written.
  ///   - whose: Who wants that, and what to do about it.
  func checkClient(readOnly: Bool, _ whose: ReadOnly) throws(PluginError) {
    guard !readOnly || parameters.direction == .read else {
      let error = PluginError(.readOnlyFileSystem, whose.message)
      refuseAll(because: error.message)
      throw error
    }
    try clients.checkAccepting()
  }

  /// Who opens a disk for reading alone.
  enum ReadOnly {
    case option, filter

    fileprivate var message: String {
      switch self {
      case .option: "-r: the disk is there to be written to: start nbdkit without -r"
      case .filter:
        "a filter opened the disk for reading alone, but it is there to be written to: "
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

  /// Ends the stream and says what became of it. To be called once, after the last request.
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
