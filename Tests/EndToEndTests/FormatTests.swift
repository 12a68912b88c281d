import Foundation
import Testing

@Suite(
  "format=", .endToEnd(limit: .seconds(400)),
  .requires(
    "nbdkit", "qemu-img", "zstd", "tar", "bsdtar", "7z", "rbd", "python3-libnbd", "format readers"))
struct FormatTests {
  static let whole = 1024.mib
  static let odd = 100.mib + 3584

  @Test(
    "makes what every reader reads as the disk, byte for byte",
    arguments: [
      Formatted(format: "vhd", size: 64.mib), Formatted(format: "vhd", size: whole),
      Formatted(format: "tar", size: whole),
      Formatted(format: "vmdk", size: 64.mib), Formatted(format: "vmdk", size: whole),
      Formatted(format: "rbd-diff", size: odd), Formatted(format: "rbd-diff", size: whole),
      Formatted(format: "rbd-image", size: odd), Formatted(format: "rbd-image", size: whole),
    ])
  func reads(_ formatted: Formatted) async throws { try await formatted.check() }

  @Test(
    "takes a hole of 5 TiB in a moment",
    arguments: ["vmdk", "rbd-diff", "rbd-image"])
  func huge(_ format: String) async throws {
    let formatted = Formatted(format: format, size: 5 << 40)
    let image = try formatted.image()
    let stream = try await formatted.stream(image)
    #expect(fileSize(stream) < 8.mib)
    #expect(try await formatted.complaints(about: stream, image) == "")
  }

  @Test(
    "works with compress=",
    arguments: [
      // Those that read through gzip by themselves.
      Formatted(
        format: "tar", size: whole, parameters: ["compress=gzip"],
        readers: ["tar", "bsdtar", "python"]),
      Formatted(
        format: "vhd", size: 64.mib, parameters: ["compress=zstd"], decoder: "zstd -dc",
        readers: ["qemu-img"]),
      Formatted(
        format: "vhd", size: 64.mib, parameters: ["compress=gzip"], decoder: "gzip -dc",
        readers: ["qemu-img"]),
      Formatted(
        format: "rbd-diff", size: odd, parameters: ["compress=zstd"], decoder: "zstd -dc"),
      Formatted(
        format: "rbd-image", size: odd, parameters: ["compress=zstd"], decoder: "zstd -dc"),
    ])
  func compressed(_ formatted: Formatted) async throws { try await formatted.check() }

  @Test("has every level of vmdk", arguments: [0, 3, 6, 9])
  func levels(_ level: Int) async throws {
    try await Formatted(
      format: "vmdk", size: 16.mib, parameters: ["compress-level=\(level)"], readers: ["qemu-img"]
    ).check()
  }

  @Test(
    "works with every window",
    arguments: ["vhd", "vmdk", "rbd-diff", "rbd-image"],
    [["reorder=64M"], ["rewind=64M"], ["rewind=64M", "spool=/tmp"]])
  func windows(_ format: String, _ window: [String]) async throws {
    let readers = ["vhd": "qemu-img", "vmdk": "qemu-img"]
    try await Formatted(
      format: format, size: 64.mib, parameters: window, readers: readers[format].map { [$0] } ?? []
    ).check()
  }

  @Test(
    "refuses a size that it can't have, and names the next one it can",
    arguments: [
      Refusal(
        "vhd", beside: ["pipe=new", "format=vhd"], of: "size=1048577",
        says: "size=2097152", "pad=true"),
      Refusal(
        "tar", beside: ["pipe=new", "format=tar"], of: "size=1048576", says: "size=1073741824"),
      Refusal(
        "vmdk", beside: ["pipe=new", "format=vmdk"], of: "size=104861184", says: "size=104923136"),
    ])
  func refused(_ refusal: Refusal) async throws { try await refusal.check() }

  @Test(
    "is filled up by pad=true", arguments: [("vhd", "2M"), ("vmdk", "1088K"), ("rbd-diff", "3M")])
  func padded(_ format: String, _ size: String) async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, _) = try await sandbox.stream(
      "size=\(size)", "format=\(format)", "pad=true")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(1.mib + 512)") == "ok")
    #expect(try await client.ask("flush") == "ok")
    #expect(try await client.ask("disconnect") == "ok")
    try await nbdkit.stop()
    try await reader.end()
    let bytes = ["2M": 2.mib, "1088K": 1088.kib, "3M": 3.mib]
    let image = try sandbox.image(
      "image", size: try #require(bytes[size]), data: [0..<1.mib + 512])
    let formatted = Formatted(format: format, size: 0)
    #expect(try await formatted.complaints(about: reader.file, image) == "")
  }

  @Test("publishes by write-command= only what is whole, with its digest")
  func published() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let place = sandbox.path("disk")
    for (size, status) in [("16M", "complete"), ("17M", "short")] {
      let report = sandbox.path("report")
      let nbdkit = try await sandbox.nbdkit(
        "write-command=cat >'\(place).part' && mv '\(place).part' '\(place)'", "format=vmdk",
        "size=\(size)", "digest=sha256", "report=\(report)",
        run: "qemu-img convert -n -W -f raw -O raw '\(image)' \"$uri\"")
      _ = try await nbdkit.exit()
      #expect(try Report(report).outcome == status)
      #expect((fileSize(place) > 0) == (status == "complete"))
      if status == "complete" {
        let sum = try await sandbox.succeed("sha256sum", place).output.prefix(64)
        #expect(text(of: report).contains("sha256:\(sum)"))
        let formatted = Formatted(format: "vmdk", size: 16.mib)
        #expect(try await formatted.complaints(about: place, image) == "")
      }
      try? FileManager.default.removeItem(atPath: place)
    }
  }

  /// What ends each format, in its last bytes.
  static let ends: [String: Data] = [
    "vhd": Data("conectix".utf8), "vmdk": Data("KDMV".utf8), "rbd-diff": Data("e".utf8),
    "rbd-image": Data("e".utf8), "tar": Data(count: 1024),
  ]

  @Test("has no end if the client was killed", arguments: ends.keys)
  func killed(_ format: String) async throws {
    let sandbox = try Sandbox.current()
    let (nbdkit, reader, report) = try await sandbox.stream("size=1G", "format=\(format)")
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 \(8.mib)") == "ok")
    try await client.die()
    try await nbdkit.stop()
    try await reader.end()
    #expect(try Report(report).outcome != "complete")
    let end = try #require(Self.ends[format])
    let last = contents(reader.file).suffix(format.hasPrefix("rbd") ? 1 : 1024)
    #expect(last.range(of: end) == nil)
    let image = try sandbox.image("image", size: whole, data: [0..<8.mib])
    // Those that look for an end.
    let readers = [
      "vmdk": ["qemu-img", "oslo", "libvmdk", "dissect"],
      "vhd": ["qemu-img", "libvhdi", "dissect"],
      "tar": ["tar", "bsdtar", "python"], "rbd-diff": ["records", "rbd"],
      "rbd-image": ["records"],
    ]
    for name in try #require(readers[format]) {
      let formatted = Formatted(format: format, size: 0, readers: [name])
      #expect(try await formatted.complaints(about: reader.file, image).hasPrefix("\(name): "))
    }
  }

  /// How many bytes are missing at the end, and who sees it.
  struct Cut: Sendable, CustomTestStringConvertible {
    let format: String
    let bytes: Int
    let readers: [String]
    var testDescription: String { "\(format) without its last \(bytes)" }
  }

  @Test(
    "is refused, if it is cut off, by the readers that can see that",
    arguments: [
      Cut(format: "vmdk", bytes: 1, readers: ["oslo"]),
      Cut(format: "vmdk", bytes: 512, readers: ["oslo", "qemu-img"]),
      Cut(format: "vmdk", bytes: 1536, readers: ["oslo", "qemu-img"]),
      Cut(format: "vhd", bytes: 512, readers: ["qemu-img", "libvhdi", "dissect"]),
      Cut(format: "rbd-diff", bytes: 1, readers: ["records", "rbd"]),
      Cut(format: "rbd-diff", bytes: 100_000, readers: ["records", "rbd"]),
      Cut(format: "rbd-image", bytes: 1, readers: ["records"]),
    ])
  func cut(_ cut: Cut) async throws {
    let formatted = Formatted(format: cut.format, size: 16.mib)
    let image = try formatted.image()
    let stream = try await formatted.stream(image)
    try await Sandbox.current().succeed("truncate", "-s", "-\(cut.bytes)", stream)
    for name in cut.readers {
      let complaints = try await Formatted(format: cut.format, size: 16.mib, readers: [name])
        .complaints(about: stream, image)
      #expect(complaints.hasPrefix("\(name): "))
    }
  }

  @Test(
    "is refused wherever it is cut off, by the reader that sees most",
    arguments: ["vmdk": "oslo", "vhd": "qemu-img", "rbd-diff": "records", "rbd-image": "records"])
  func cutAnywhere(format: String, reader: String) async throws {
    let sandbox = try Sandbox.current()
    let formatted = Formatted(format: format, size: 16.mib, readers: [reader])
    let image = try formatted.image()
    let stream = try await formatted.stream(image)
    let size = fileSize(stream)
    for _ in 0..<8 {
      // Of the last sector the test above has what is to be seen.
      let left = Int.random(in: 1...size - 512)
      let part = sandbox.path("part")
      try await sandbox.succeed("sh", "-c", "head -c \(left) '\(stream)' >'\(part)'")
      let complaints = try await formatted.complaints(about: part, image)
      #expect(complaints.hasPrefix("\(reader): "), "the first \(left) of \(size) bytes")
    }
  }

  private var whole: Int { Self.whole }
}
