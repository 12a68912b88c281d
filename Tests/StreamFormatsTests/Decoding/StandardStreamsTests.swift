import StreamFormats
import Testing

@Suite("A stream of the standard tools")
struct StandardStreamsTests {
  static let zstdCommands = [
    "zstd -1 -c", "zstd -3 -c", "zstd -19 -c", "zstd -1 --long=27 -c", "zstd -3 -T0 -c",
    "zstd -3 --rsyncable -T0 -c", "zstd -3 --no-check -c", "zstd -3 -c \"$IN\"",
    "zstd -3 --no-check --no-content-size -c \"$IN\"", "zstd -1 --stream-size=3000000 -c",
    "zstd --fast=5 -c",
    // Files one behind the other, with empty ones between.
    """
    head -c 1000000 | zstd -1 -c; : | zstd -c; tail -c +1000001 "$IN" | head -c 1 | zstd -c
    : | zstd -c; tail -c +1000002 "$IN" | zstd -3 -c; : | zstd -c
    """,
  ]
  static let gzipCommands = [
    "gzip -1 -c", "gzip -9 -c", "gzip -c \"$IN\"", "pigz -c", "pigz -i -c", "bgzip -c",
    """
    head -c 1000000 | gzip -1 -c; : | gzip -c; tail -c +1000001 "$IN" | head -c 1 | gzip -c
    : | gzip -c; tail -c +1000002 "$IN" | gzip -c; : | gzip -c
    """,
  ]

  private static let content = Content.mixed(3_000_000)

  @Test("of zstd is decoded, however it comes", .tool("zstd"), arguments: zstdCommands)
  func zstd(command: String) throws {
    try expectContent(of: command, .zstd)
  }

  @Test("of gzip is decoded, however it comes", .tool("pigz", "bgzip"), arguments: gzipCommands)
  func gzip(command: String) throws {
    try expectContent(of: command, .gzip)
  }

  private func expectContent(of command: String, _ compression: Compression) throws {
    let stream = try Tool.run(command, Self.content)
    for (request, piece, patience) in [
      (1 << 20, Int.max, 0), (4096, 65_536, 0), (100_003, 1000, 3), (10_000_000, 7, 5),
    ] {
      let decoded = Decoded(
        stream, compression, request: request, piece: piece, patience: patience)
      #expect(decoded.failure == nil)
      #expect(decoded.bytes == Self.content, "\(request) \(piece) \(patience)")
    }
  }

  @Test("of zstd may have frames to be skipped anywhere", .tool("zstd"))
  func skippable() throws {
    let one = try Tool.run("zstd -c", Array(Self.content[..<1_000_000]))
    let two = try Tool.run("zstd -c", Array(Self.content[1_000_000...]))
    let skipped = HandmadeFrame.skippable(Array(repeating: 7, count: 3_000_000))
    let empty = HandmadeFrame.skippable([], kind: 0)
    let stream = empty + skipped + one + skipped + empty + two + skipped
    #expect(Decoded(stream, .zstd).bytes == Self.content)
    #expect(Decoded(stream, .zstd, piece: 1000, patience: 2).bytes == Self.content)
    #expect(Decoded(skipped, .zstd) == Decoded(empty, .zstd))
    #expect(Decoded(skipped, .zstd).failure == nil)
  }

  @Test("of an empty file is an empty disk", .tool("zstd"))
  func empty() throws {
    for (command, compression) in [("zstd -c", Compression.zstd), ("gzip -c", .gzip)] {
      let stream = try Tool.run(command, [])
      #expect(Decoded(stream, compression) == Decoded(stream + stream, compression))
      #expect(Decoded(stream, compression).failure == nil)
      #expect(Decoded(stream, compression).bytes == [])
    }
  }

  @Test("of no byte at all is cut off", arguments: Compression.allCases)
  func nothing(compression: Compression) {
    #expect(
      Decoded([], compression).message == "the \(compression.rawValue) stream is empty")
  }

  @Test("may need a window of 128 MiB, and no larger one", .tool("zstd"))
  func window() throws {
    // Without the size in the header, zstd says the window that was asked for.
    let content = Content.mixed(200_000)
    for log in 10...27 {
      let stream = try Tool.run("zstd --ultra --zstd=wlog=\(log) -c", content)
      #expect(Decoded(stream, .zstd).bytes == content)
    }
    let stream = try Tool.run("zstd --long=28 -c", content)
    let decoded = Decoded(stream, .zstd)
    #expect(decoded.bytes == [])
    #expect(
      decoded.message
        == "the zstd stream is damaged at byte 0: the frame needs a window of 268435456 bytes, "
        + "above the 134217728 that zstd --long=27 makes")
  }
}
