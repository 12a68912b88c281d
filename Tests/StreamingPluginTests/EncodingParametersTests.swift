import CFakeNBDKit
import NBDKit
import NBDKitTestKit
import StreamFormats
import Testing

@testable import StreamingPlugin

@Suite("Parameters of an encoding", .exclusiveServer)
struct EncodingParametersTests {
  init() { fake_set_directory("/home/user") }

  private func parameters(
    _ given: KeyValuePairs<String, String>, endpoint: String = "pipe"
  ) throws -> Parameters {
    var parameters = Parameters()
    try parameters.take(endpoint, "stream")
    for (key, value) in given { try parameters.take(key, value) }
    try parameters.check()
    return parameters
  }

  private func message(
    _ given: KeyValuePairs<String, String>, endpoint: String = "pipe"
  ) -> String? {
    #expect(throws: PluginError.self) { try parameters(given, endpoint: endpoint) }?.message
  }

  @Test("Without any the stream is the disk's own bytes")
  func none() throws {
    let parameters = try parameters([:])
    #expect(parameters.encoding.compression == nil)
    #expect(parameters.encodingName.isEmpty)
  }

  @Test("A compression has its own default level, and a thread for each processor")
  func defaults() throws {
    #expect(try parameters(["compress": "zstd"]).encoding.level == 3)
    let gzip = try parameters(["compress": "gzip"]).encoding
    #expect(gzip.level == 1)
    #expect((1...8).contains(gzip.threads))
    #expect(!gzip.digestsOutput && !gzip.digestsDisk)
  }

  @Test("What is given is taken, in any order")
  func given() throws {
    let encoding = try parameters([
      "compress-level": "19", "digest": "sha256", "compress-threads": "64", "compress": "zstd",
      "disk-digest": "sha256",
    ]).encoding
    #expect(encoding.compression == .zstd)
    #expect(encoding.level == 19)
    #expect(encoding.threads == 64)
    #expect(encoding.digestsOutput && encoding.digestsDisk)
  }

  @Test("The limits of a level are its compression's")
  func levels() throws {
    #expect(try parameters(["compress": "gzip", "compress-level": "0"]).encoding.level == 0)
    #expect(
      message(["compress": "gzip", "compress-level": "10"])
        == "compress-level=10: gzip has levels 0 to 9")
    #expect(
      message(["compress": "zstd", "compress-level": "0"])
        == "compress-level=0: zstd has levels 1 to 19")
    #expect(
      message(["compress": "zstd", "compress-level": "-1"])
        == "compress-level=-1: not a number: give one, in digits alone")
  }

  @Test(
    "What has no effect is refused",
    arguments: [
      ("compress", "lzma", "compress=lzma: unknown compression: give zstd or gzip"),
      ("compress", "", "compress=: unknown compression: give zstd or gzip"),
      ("compress-level", "3", "compress-level=3: needs compress=, as in compress=zstd"),
      ("compress-threads", "2", "compress-threads=2: needs compress=, as in compress=zstd"),
      ("compress-threads", "0", "compress-threads=0: there may be 1 to 64 threads"),
      ("compress-threads", "1000000", "compress-threads=1000000: there may be 1 to 64 threads"),
      (
        "compress-threads", "99999999999999999999",
        "compress-threads=99999999999999999999: not a number: give one, in digits alone"
      ),
      ("digest", "md5", "digest=md5: unknown digest: give sha256"),
      ("disk-digest", "", "disk-digest=: unknown digest: give sha256"),
    ])
  func refused(key: String, value: String, expected: String) {
    #expect(message([key: value]) == expected)
  }

  @Test("A stream that is read can be decoded, and has digests, too")
  func decoding() throws {
    let decoding = try parameters(
      ["decompress": "gzip", "digest": "sha256", "disk-digest": "sha256"], endpoint: "read"
    ).decoding
    #expect(decoding.compression == .gzip)
    #expect(decoding.digestsInput && decoding.digestsDisk)
    #expect(try parameters([:], endpoint: "read").decoding.compression == nil)
  }

  @Test("Nothing is decoded of a disk that is written, nor by what is not known")
  func badDecoding() {
    #expect(
      message(["decompress": "zstd"])
        == "decompress=zstd: nothing is read from pipe=stream: it is for read=, read-fd= and "
        + "read-command=")
    #expect(
      message(["decompress": "lzma"], endpoint: "read")
        == "decompress=lzma: unknown compression: give zstd or gzip")
  }

  @Test("No encoding goes with a stream that is read")
  func read() {
    #expect(
      message(["compress": "zstd", "digest": "sha256"], endpoint: "read")
        == "compress=zstd: nothing is written to a disk that comes from read=stream: leave it out")
  }
}
