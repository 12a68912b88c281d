import Glibc
import StreamCore
import StreamFormats
import TestSupport
import Testing

/// A program that people get their disks back with. It reads the file `$1`; `$scripts`, `$python`
/// and `$go` are set.
struct Decoder: CustomStringConvertible, Sendable {
  let compression: Compression
  let description: String
  let command: String
  /// Fails where it is not installed.
  let probe: String
  /// Whether it tells a stream that was cut from a whole one, if only within a frame.
  let noticesCuts: Bool

  init(
    _ compression: Compression, _ name: String, _ command: String, probe: String? = nil,
    noticesCuts: Bool = true
  ) {
    self.compression = compression
    description = name
    self.command = command
    self.noticesCuts = noticesCuts
    self.probe = probe ?? "command -v \(name)"
  }

  private static let goPackage = "/usr/share/gocode/src/github.com/klauspost/compress/zstd"

  static let all: [Decoder] = [
    Decoder(.zstd, "zstd", "zstd -dcq $1"),
    Decoder(.zstd, "bsdcat", "bsdcat $1"),
    Decoder(
      .zstd, "Python's zstandard", "/usr/bin/python3 $scripts/decode.py zstandard $1",
      // Its reader takes the end of the file for the end of the frame, whoever wrote it.
      probe: "/usr/bin/python3 -c 'import zstandard'", noticesCuts: false),
    Decoder(
      .zstd, "pyzstd", "$python $scripts/decode.py pyzstd $1", probe: "$python -c 'import pyzstd'"),
    Decoder(.zstd, "Go's", "$go zstd <$1", probe: "command -v go && test -d \(goPackage)"),
    Decoder(.gzip, "gzip", "gzip -dc <$1"),
    Decoder(.gzip, "pigz", "pigz -dc <$1"),
    Decoder(.gzip, "bsdcat", "bsdcat $1"),
    Decoder(.gzip, "7z", "7z x -so -tgzip $1 2>/dev/null"),
    Decoder(
      .gzip, "Python's gzip", "/usr/bin/python3 $scripts/decode.py gzip $1",
      probe: "command -v /usr/bin/python3"),
    Decoder(.gzip, "Go's", "$go gzip <$1", probe: "command -v go && test -d \(goPackage)"),
  ]

  private static let scripts: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    return parts.joined(separator: "/") + "/Scripts"
  }()

  /// Where scripts/deps.sh puts what no distribution has a package of.
  private static let prelude = """
    set -o pipefail
    scripts='\(scripts)'
    python="$scripts/../../../build/venv/bin/python"
    go=/tmp/streaming-decode.$$
    trap 'rm -f $go' EXIT
    compile() {
      GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$scripts/../../../.build/go" \
        go build -o "$go" "$scripts/decode.go"
    }

    """

  /// The exit status of a shell with all set, for the file `path`.
  static func shell(_ command: String, _ path: String = "") -> Int32 {
    system("bash -c '\(quoted(prelude + command))' decoder '\(quoted(path))'") >> 8
  }

  private static func quoted(_ text: String) -> String {
    text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
  }

  /// The same, of commands in which `decode` is this decoder's.
  func shell(_ commands: String, _ path: String) -> Int32 {
    let compile = command.hasPrefix("$go") ? "compile || exit 99; " : ""
    return Self.shell("\(compile)decode() { \(command); }\n\(commands)", path)
  }

  var isPresent: Bool { Self.shell("{ \(probe); } >/dev/null 2>&1") == 0 }
}

@Suite("A disk comes back, byte for byte, by")
struct DecoderTests {
  private typealias Encoded = (stream: Recorder.Tape, disk: [UInt8])

  /// A stream with blocks of their real size, data that does and doesn't compress, and holes.
  private static let encoded: [Compression: Encoded] = {
    var generator = Seeded(state: 11)
    let requests: [Request] =
      randomRequests(using: &generator, total: 9_000_000)
      + [.zeroes(140 << 20), .data(pattern(5_000_001)), .zeroes(300_000), .data([1, 2, 3])]
    let disk = requests.disk
    var all: [Compression: Encoded] = [:]
    for compression in Compression.allCases {
      guard
        var sink = try? EncodingSink(
          OutputEncoding(compression: compression, threads: 2), end: Recorder())
      else { continue }
      var position: UInt64 = 0
      try? sink.start()
      try? sink.send(requests, advancing: &position)
      try? sink.finish()
      sink.stop()
      all[compression] = (sink.end.tape, disk)
    }
    return all
  }()

  private func present(_ decoder: Decoder) throws -> Bool {
    if decoder.isPresent { return true }
    try #require(getenv("CI") == nil, "missing in CI: \(decoder)")
    print("not installed here: \(decoder)")
    return false
  }

  @Test("every decoder, and none takes a part for the whole", arguments: Decoder.all)
  func decoders(_ decoder: Decoder) throws {
    guard try present(decoder) else { return }
    let directory = try TemporaryDirectory()
    let (tape, disk) = try #require(Self.encoded[decoder.compression])
    let bytes = tape.bytes
    let stream = try directory.file("stream", bytes)
    let raw = try directory.file("raw", disk)
    #expect(decoder.shell("decode \"$1\" | cmp - '\(raw)'", stream) == 0)

    guard decoder.noticesCuts else { return }
    var generator = Seeded(state: 12)
    let borders = Decoders.borders(of: bytes, decoder.compression)
    let handedOn = tape.ends.dropLast().shuffled(using: &generator).prefix(6)
    let anywhere = (0..<6).map { _ in Int.random(in: 1..<bytes.count - 40, using: &generator) }
    let cuts = (handedOn + anywhere + borders.prefix(3).map { $0 - 1 }).filter {
      !borders.contains($0)
    }
    // One shell for all: where Go is needed it is compiled there.
    let refused = cuts.map { "head -c \($0) \"$1\" >\"$1.cut\"; decode \"$1.cut\" && exit 1" }
    #expect(
      decoder.shell("{ \(refused.joined(separator: "\n"))\ntrue; } >/dev/null 2>&1", stream) == 0)
  }

  @Test("the seek table alone, the end first")
  func seekTable() throws {
    let decoder = Decoder(
      .zstd, "pyzstd's SeekableZstdFile", "$python $scripts/decode.py pyzstd-seek $1",
      probe: "$python -c 'import pyzstd; pyzstd.SeekableZstdFile'")
    guard try present(decoder) else { return }
    let directory = try TemporaryDirectory()
    let (tape, disk) = try #require(Self.encoded[.zstd])
    let stream = try directory.file("stream", tape.bytes)
    let raw = try directory.file("raw", disk)
    #expect(decoder.shell("decode \"$1\" | cmp - '\(raw)'", stream) == 0)
  }
}
