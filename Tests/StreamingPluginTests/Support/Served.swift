import CFakeNBDKit
import Foundation
import Glibc
import NBDKitTestKit
import SystemPackage
import TestSupport

@testable import StreamingPlugin

/// The plugin served in this process, with files in a directory of its own.
final class Served {
  let directory: TemporaryDirectory
  let server: FakeServer
  private var hasEnded = false

  /// - Parameters:
  ///   - pipe: A name in the directory.
  ///   - parameters: Added to `pipe=` and `report=report`.
  ///   - beforeFork: What happens between the checks and the opening.
  init(
    pipe: String = "out", _ parameters: KeyValuePairs<String, String> = [:],
    in directory: TemporaryDirectory? = nil,
    beforeFork: (TemporaryDirectory) throws -> Void = { _ in }
  ) throws {
    ignoreBrokenPipes()
    self.directory = try directory ?? TemporaryDirectory()
    fake_set_directory(self.directory.path)
    // A client that lives as long as the test.
    fake_set_peer_pid(Int64(getpid()))
    server = FakeServer(StreamingPlugin.self)
    try server.configure("pipe", pipe)
    try server.configure("report", "report")
    for (key, value) in parameters { try server.configure(key, value) }
    try server.configurationComplete()
    try server.getReady()
    try beforeFork(self.directory)
    try server.afterFork()
  }

  deinit { end() }

  /// Somebody who reads the FIFO to its end.
  func reader() throws -> Reader {
    let descriptor = try idleReader()
    _ = fcntl(descriptor.rawValue, F_SETFL, 0)
    return Reader(descriptor)
  }

  /// Somebody who has the FIFO open, and reads when told.
  func idleReader() throws -> FileDescriptor {
    try FileDescriptor.open(
      FilePath(directory.path("out")), .readOnly, options: [.nonBlocking, .closeOnExec])
  }

  /// Ends the server, which no sleep survives.
  func end() {
    guard !hasEnded else { return }
    hasEnded = true
    fake_set_stopping(1)
    keepingSignalHandlers { server.cleanup() }
  }

  /// Ends the server and reads its report.
  func report() throws -> Ended {
    end()
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Ended.self, from: Data(directory.text(of: "report").utf8))
  }
}

/// A report, as its file has it.
struct Ended: Decodable {
  let outcome: String
  let bytes: UInt64
  let missingBytes: UInt64
  let zeroBytes: UInt64
  let refusedRequests: UInt64
  let size: UInt64?
  let error: String?
  let compression: String?
  let outputBytes: UInt64
  let digest: String?
  let diskDigest: String?
}
