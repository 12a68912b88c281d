import StreamFormats
import Testing

@Suite("A damaged stream")
struct DamagedStreamsTests {
  private static let content = Content.mixed(700_000, seed: 5)
  private static let commands: [(String, Compression)] = [
    ("zstd -1 -c", .zstd), ("zstd -19 -c \"$IN\"", .zstd),
    ("zstd -3 -c; head -c 100000 /dev/zero | zstd -c", .zstd),
    ("gzip -1 -c", .gzip), ("pigz -c", .gzip), ("bgzip -c", .gzip),
    ("gzip -c; head -c 100000 /dev/zero | gzip -c", .gzip),
  ]

  @Test(
    "that is cut off is found so, wherever it is cut, and gives nothing wrong",
    .tool("zstd", "pigz", "bgzip"), arguments: commands)
  func cut(command: String, compression: Compression) throws {
    let stream = try Tool.run(command, Self.content)
    let whole = Decoded(stream, compression).bytes
    var random = Random(7)
    let places =
      Array(0..<40) + (1...40).map { stream.count - $0 }
      + (0..<120).map { _ in Int(random.next() % UInt64(stream.count)) }
    for place in places {
      let decoded = Decoded(Array(stream[..<place]), compression, request: 65_536)
      let isRight = whole.starts(with: decoded.bytes)
      #expect(isRight, "cut at \(place)")
      guard let message = decoded.message else {
        // Only between two frames or members.
        let rest = Decoded(Array(stream[place...]), compression)
        #expect(rest.failure == nil, "cut at \(place)")
        #expect(decoded.bytes + rest.bytes == whole)
        continue
      }
      let expected =
        place == 0 ? "is empty" : "is cut off: it ends after \(place) bytes, before it is whole"
      #expect(message == "the \(compression.rawValue) stream \(expected)")
    }
  }

  @Test(
    "with one bit flipped gives nothing wrong",
    .tool("zstd", "pigz", "bgzip"), arguments: commands)
  func flipped(command: String, compression: Compression) throws {
    var stream = try Tool.run(command, Self.content)
    let whole = Decoded(stream, compression).bytes
    var random = Random(9)
    for round in 0..<1000 {
      // The beginning and the end have more than the middle that only we read.
      let place =
        switch round {
        case 0..<200: round / 8
        case 200..<400: stream.count - 1 - (round - 200) / 8
        default: Int(random.next() % UInt64(stream.count))
        }
      let bit = UInt8(1) << UInt8(round % 8)
      stream[place] ^= bit
      let decoded = Decoded(stream, compression)
      stream[place] ^= bit
      // Bits that mean nothing are there: a time in gzip's header, an unused bit in zstd's.
      let isRight =
        decoded.failure == nil ? decoded.bytes == whole : whole.starts(with: decoded.bytes)
      #expect(isRight, "bit \(bit) at \(place)")
    }
  }

  @Test("with something behind its end fails there, after all was given", .tool("zstd"))
  func garbage() throws {
    for (command, compression) in [("zstd -c", Compression.zstd), ("gzip -c", .gzip)] {
      let stream = try Tool.run(command, Self.content)
      for garbage in [[0], [0, 0, 0, 0, 0, 0], Array("garbage".utf8), [0x28], [0x1F, 0x8B]] {
        let decoded = Decoded(stream + garbage, compression)
        #expect(decoded.bytes == Self.content)
        let message = try #require(decoded.message)
        #expect(message.contains("\(stream.count)") || message.contains("is cut off"))
      }
    }
    let stream = try Tool.run("zstd -c", Self.content)
    #expect(
      Decoded(stream + Array("garbage".utf8), .zstd).message
        == "the zstd stream is damaged at byte \(stream.count): no zstd frame begins here")
  }

  @Test("fails from there on, and its source is not asked again", .tool("zstd"))
  func onward() throws {
    var stream = try Tool.run("zstd -c", Self.content)
    stream[stream.count - 1] ^= 1
    var source = try DecodingSource(.zstd, from: PiecewiseSource(stream))
    var bytes: [UInt8] = []
    for _ in 0..<3 {
      #expect(throws: (any Error).self) { try source.append(10, to: &bytes) }
    }
    #expect(bytes == [])
  }
}
