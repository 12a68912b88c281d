import Foundation
import Glibc
import Testing

@Suite(
  "A client that goes on after a failure", .endToEnd, .requires("nbdkit", "python3-libnbd"))
struct AfterFailureTests {
  /// As a guest does, whose disk is there for it whatever it is answered.
  private static let guest = """
    import nbd, sys
    client = nbd.NBD()
    client.connect_uri(sys.argv[1])
    refused = 0
    for number in range(int(sys.argv[2])):
        try:
            if number % 3 == 2: client.zero(4096, number * 4096)
            elif number % 100 == 1: client.flush()
            else: client.pwrite(b"x" * 4096, number * 4096)
        except nbd.Error:
            refused += 1
    client.shutdown()
    print(refused)
    """

  @Test("is answered with errors, of which the first is said and the others are counted")
  func writing() async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream("size=1G", reader: "head -c 65536")
    let guest = try await sandbox.succeed(Client.python, "-c", Self.guest, nbdkit.uri, "5000")
    try await reader.end()
    try await nbdkit.stop()
    let refused = try #require(Int(guest.output.dropLast()))
    #expect(refused > 4000)
    #expect(nbdkit.log.utf8.count < 2000)
    // A write, a zero or a flush is the first to see it.
    let said = nbdkit.errorLines.filter { $0.hasSuffix("the reader has gone") }
    #expect(said.count { !$0.hasPrefix("the stream has failed") } == 1)
    #expect(nbdkit.errorLines.last == "\(refused - 1) more requests were answered with an error")
    let found = try Report(report)
    #expect(found.outcome == "failed")
    #expect(found.refusedRequests == refused)
  }

  @Test("that is only its own, a write below the position, does not fill the log either")
  func behind() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=/dev/null", "size=1M", "reorder=0", "report=\(report)")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write \(512.kib) 512") == "ok")
    for number in 0..<200 { try client.send("write \(number * 512) 512") }
    for _ in 0..<200 { #expect(try await client.answer() == "EIO") }
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    #expect(nbdkit.log.split(separator: "\n").count < 20)
    let found = try Report(report)
    #expect(found.outcome != "complete")
    #expect(found.refusedRequests == 200)
  }
}
