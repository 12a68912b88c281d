import Glibc
import NBDKit
import StreamIO
import Synchronization
import SystemPackage

/// What was made ready before the server forked.
private struct Prepared: Sendable {
  var end: StreamEnd
  /// What messages call it.
  let name: String
  let medium: any SegmentMedium
}

/// Turns what a client writes to a disk into a stream, or a stream into a disk that clients read.
final class StreamingPlugin: Plugin, ClientScreening, Sendable {
  static let name = "streaming"
  static let longName: String? = "nbdkit streaming plugin"
  static let version: String? = "0.1.0"
  static let summary: String? =
    "Turns what a client writes to the disk into a stream on a pipe or socket, or what comes from "
    + "there into a disk to be read."
  static let parameterHelp: String? = Parameters.help
  static let magicParameter: String? = "pipe"

  /// One request at a time a client. Parallel requests were measured to be no faster, as there is one
  /// stream; and serializing over all clients lets one that connects and says nothing stop the rest.
  static let threadModel = ThreadModel<StreamingPlugin>.serializeRequests

  private let parameters = Mutex(Parameters())
  private let prepared = Mutex<Prepared?>(nil)
  private let clients = Clients()
  private let gauge = Gauge()
  private let progress = Mutex<Progress?>(nil)
  private let stream: SharedStream
  private let source: SharedSource
  /// The process that nbdkit was started as.
  private let startedAs = Atomic<pid_t>(0)

  init() {
    stream = SharedStream(for: clients, gauge: gauge)
    source = SharedSource(for: clients, gauge: gauge)
  }

  func configure(_ key: String, _ value: String) throws {
    try parameters.withLock { (parameters) throws(PluginError) in
      try parameters.take(key, value)
    }
  }

  func configurationComplete() throws {
    try parameters.withLock { (parameters) throws(PluginError) in try parameters.check() }
  }

  func dumpFields() -> [(key: String, value: String)] {
    [
      ("streaming_default_size", "\(Parameters.defaultSize)"),
      ("streaming_default_reorder", "\(Parameters.defaultReorder)"),
      ("streaming_default_rewind", "\(Parameters.defaultRewind)"),
      ("streaming_default_read_rewind", "\(Parameters.defaultReadRewind)"),
    ]
  }

  func getReady() throws {
    let parameters = parameters.withLock { $0 }
    // Nothing is changed before everything was checked.
    try parameters.report?.check()
    let medium = try parameters.medium()
    guard let target = parameters.target else { return }
    TerminationSignals.hold()
    do {
      try prepare(target, parameters, medium)
    } catch {
      TerminationSignals.release()
      throw error
    }
  }

  private func prepare(
    _ target: Parameters.Target, _ parameters: Parameters, _ medium: any SegmentMedium
  ) throws(PluginError) {
    let end = try StreamEnd.prepare(target)
    try parameters.report?.removeOld()
    prepared.withLock { $0 = Prepared(end: end, name: target.name, medium: medium) }
    startedAs.store(getpid(), ordering: .relaxed)
  }

  /// Never fails: under `--run` the command would wait for ever on a server that is gone. What can't
  /// be opened is said here, and refuses every client.
  func afterFork() {
    // The server has handlers now.
    TerminationSignals.watch()
    TerminationSignals.release()
    let parameters = parameters.withLock { $0 }
    do throws(PluginError) {
      try prepared.withLock { (prepared) throws(PluginError) in
        guard let (name, medium) = prepared.map({ ($0.name, $0.medium) }) else { return }
        do throws(IOFailure) {
          guard let endpoint = try prepared?.end.open() else { return }
          switch parameters.direction {
          case .write:
            let sink = DescriptorSink(
              endpoint, name: name, patience: .whileServing, gauge: gauge)
            stream.begin(sink, endpoint.command, parameters, keepingIn: medium)
          case .read:
            let origin = DescriptorSource(
              endpoint, name: name, patience: .whileServing, gauge: gauge)
            source.begin(origin, parameters, keepingIn: medium)
          }
        } catch {
          throw PluginError(error, of: name)
        }
      }
      // Again, as nbdkit may have become another user. Not before a FIFO was opened: its reader may
      // wait for that.
      try parameters.report?.check()
      showProgress(parameters)
    } catch {
      Server.error(error.message)
      served(parameters.direction).refuseAll(because: error.message)
    }
  }

  private func showProgress(_ parameters: Parameters) {
    guard parameters.progress else { return }
    progress.withLock {
      $0 = Progress(
        of: gauge, size: parameters.size,
        otherEnd: parameters.direction == .write ? "reader" : "writer")
    }
  }

  func preconnect(readOnly: Bool) throws {
    try checkClient(readOnly: readOnly)
  }

  func open(readOnly: Bool) throws -> StreamConnection {
    try checkClient(readOnly: readOnly)
    let parameters = parameters.withLock { $0 }
    let size = parameters.size ?? Parameters.defaultSize
    let stream: StreamConnection.Stream =
      parameters.direction == .read ? .read(source) : .written(stream)
    return StreamConnection(stream, for: clients, size: size, process: Server.peerProcess)
  }

  func cleanup() {
    let parameters = parameters.withLock { $0 }
    let prepared = prepared.withLock { $0 }
    let report = served(parameters.direction).end(parameters, excusing: waitingParent) {
      guard let prepared else { return }
      do throws(IOFailure) { try prepared.end.remove() } catch {
        Server.error(PluginError(error, of: prepared.name).message)
      }
    }
    progress.withLock { $0.take()?.end(report) }
    report.log()
    do throws(PluginError) { try parameters.report?.write(report) } catch {
      Server.error(error.message)
    }
  }

  /// Under `--run` the process that waits for the command, our parent. It ends us by SIGTERM when the
  /// command has ended, which is no impatience where we end already by ourselves.
  private var waitingParent: pid_t? {
    let startedAs = startedAs.load(ordering: .relaxed)
    return startedAs != getpid() && startedAs == getppid() ? startedAs : nil
  }

  private func served(_ direction: Direction) -> any ServedStream {
    switch direction {
    case .write: stream
    case .read: source
    }
  }

  /// Takes neither the lock of the stream, which a waiting request may hold, nor any time.
  private func checkClient(readOnly: Bool) throws(PluginError) {
    guard !readOnly || parameters.withLock(\.direction) == .read else {
      let error = PluginError(
        .readOnlyFileSystem, "-r: the disk is there to be written to: start nbdkit without -r")
      stream.refuseAll(because: error.message)
      throw error
    }
    try clients.checkAccepting()
  }
}
