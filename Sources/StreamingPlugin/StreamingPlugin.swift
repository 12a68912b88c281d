import Glibc
import NBDKit
import StreamFormats
import Synchronization
import SystemPackage

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

  /// One request at a time for each client. Parallel requests were measured to be no faster, as
  /// there is one stream; and with requests serialized over all clients, a client that connects and
  /// says nothing stops the rest.
  static let threadModel = ThreadModel<StreamingPlugin>.serializeRequests

  /// The stage that the plugin is at, from the first parameter to the end.
  private enum State: Sendable {
    case configuring(Parameters)
    case prepared(PreparedDisk)
    case serving(Disk)
    case ended
  }

  private let state = Mutex(State.configuring(Parameters()))
  private let process = ServerProcess()

  init() {}

  func configure(_ key: String, _ value: String) throws {
    try state.withLock { (state) throws(PluginError) in
      guard case .configuring(var parameters) = state else { return }
      try parameters.take(key, value)
      // This is done now, as what is still to come may be refused, and then nbdkit does not start.
      if key == "report" { try parameters.report?.removeOld() }
      state = .configuring(parameters)
    }
  }

  func configurationComplete() throws {
    try state.withLock { (state) throws(PluginError) in
      guard case .configuring(let parameters) = state else { return }
      try parameters.check()
    }
  }

  func dumpFields() -> [(key: String, value: String)] {
    [
      ("streaming_default_size", "\(Parameters.defaultSize)"),
      ("streaming_default_reorder", "\(Parameters.defaultReorder)"),
      ("streaming_default_rewind", "\(Parameters.defaultRewind)"),
      ("streaming_default_read_rewind", "\(Parameters.defaultReadRewind)"),
      ("streaming_zstd_block", "\(Compression.zstd.blockSize)"),
      ("streaming_gzip_block", "\(Compression.gzip.blockSize)"),
      ("streaming_libzstd_version", Libraries.zstd),
      ("streaming_libdeflate_version", Libraries.deflate),
      ("streaming_nettle_version", Libraries.nettle),
    ]
  }

  func getReady() throws {
    process.prepare()
    do {
      try state.withLock { (state) throws(PluginError) in
        guard case .configuring(let parameters) = state else { return }
        state = .prepared(try PreparedDisk(parameters))
      }
    } catch {
      process.release()
      throw error
    }
  }

  func afterFork() {
    process.serve()
    state.withLock { state in
      guard case .prepared(let prepared) = state else { return }
      state = .serving(Disk(prepared))
    }
  }

  func preconnect(readOnly: Bool) throws {
    try disk().checkClient(readOnly: readOnly, .option)
  }

  /// If the server had been started with `-r`, the client would not have come this far.
  func open(readOnly: Bool) throws -> StreamConnection {
    let disk = try disk()
    try disk.checkClient(readOnly: readOnly, .filter)
    return try disk.connect()
  }

  func cleanup() {
    let disk = state.withLock { state -> Disk? in
      guard case .serving(let disk) = state else { return nil }
      state = .ended
      return disk
    }
    process.end()
    disk?.end()
  }

  private func disk() throws(PluginError) -> Disk {
    try state.withLock { (state) throws(PluginError) in
      guard case .serving(let disk) = state else {
        throw PluginError(.socketShutdown, "refused: the server does not serve")
      }
      return disk
    }
  }
}
