import StreamCore
import StreamFormats
import Synchronization
import Testing

@Suite("A digest of what passes")
struct DigestTests {
  private static let empty =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  private func sink(aside: Bool, _ compression: Compression? = nil) throws -> EncodingSink<Recorder>
  {
    let sink = try EncodingSink(
      OutputEncoding(
        compression: compression, threads: 1, digestsOutput: true, digestsDisk: true,
        digestsAside: aside), end: Recorder())
    try sink.start()
    return sink
  }

  /// What the hash of all bytes at once is.
  private func digest(_ bytes: [UInt8]) throws -> String? {
    var sink = try EncodingSink(OutputEncoding(digestsOutput: true), end: Recorder())
    var position: UInt64 = 0
    try sink.send(bytes.span.bytes, advancing: &position)
    return sink.finishedDigests().output
  }

  @Test("is SHA-256", arguments: [false, true])
  func known(_ aside: Bool) throws {
    #expect(try sink(aside: aside).finishedDigests().output == Self.empty)
    var sink = try sink(aside: aside)
    var position: UInt64 = 0
    try sink.send(Array("abc".utf8).span.bytes, advancing: &position)
    try sink.finish()
    let digests = sink.finishedDigests()
    #expect(
      digests.output == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(digests.disk == digests.output)
    #expect(sink.finishedDigests() == digests)
  }

  @Test("is the same for any pieces, on a thread of its own or not", arguments: [false, true])
  func pieces(_ aside: Bool) throws {
    var generator = Seeded(state: 4)
    let requests = randomRequests(using: &generator, total: 3_000_000)
    for compression in [nil, .zstd, .gzip] as [Compression?] {
      var sink = try sink(aside: aside, compression)
      var position: UInt64 = 0
      try sink.send(requests, advancing: &position)
      try sink.finish()
      let digests = sink.finishedDigests()
      #expect(digests.disk == (try digest(requests.disk)))
      #expect(digests.output == (try digest(sink.end.tape.bytes)))
    }
  }

  @Test("counts what the end took, and no more", arguments: [false, true])
  func refused(_ aside: Bool) throws {
    var sink = try sink(aside: aside)
    sink.end.tape.state.withLock { $0.refusal = (5, .interrupted) }
    var position: UInt64 = 0
    #expect(throws: TransferError.interrupted) {
      try sink.send([UInt8](1...9).span.bytes, advancing: &position)
    }
    #expect(throws: TransferError.interrupted) { try sink.sendZeroes(3, advancing: &position) }
    #expect(sink.finishedDigests().output == (try digest([1, 2, 3, 4, 5])))
  }
}
