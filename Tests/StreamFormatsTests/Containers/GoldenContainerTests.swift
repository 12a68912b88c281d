import StreamCore
import Testing

@testable import StreamFormats

/// What is our own doing in each format: it changes only when somebody means it to. Other readers
/// found the disk in what these numbers were made of.
@Suite("What is around the disk, byte for byte") struct GoldenContainerTests {
  /// The stream of a disk, which always has the same time and number.
  private func stream(_ format: DiskFormat, _ requests: [Request], size: UInt64) throws -> [UInt8] {
    let encoding = OutputEncoding(
      format: format, size: size, seconds: 1_700_000_000, identity: [UInt8](0..<16))
    var sink = try EncodingSink(encoding, end: Recorder())
    try sink.start()
    var position: UInt64 = 0
    try sink.send(requests, advancing: &position)
    try sink.finish()
    return sink.end.tape.bytes
  }

  private func digest(_ bytes: some Sequence<UInt8>) throws -> String {
    let digest = try Digest(aside: false)
    Array(bytes).withUnsafeBytes { digest.update($0) }
    return digest.finished()
  }

  /// 3 MiB: data, zeroes, data up to an odd end.
  private let requests: [Request] = [
    .data([UInt8](repeating: 7, count: 1 << 20)), .zeroes(1 << 20 | 512),
    .data((0..<(1 << 20) - 512).map { UInt8(1 + $0 % 251) }),
  ]

  @Test("vhd: the footer")
  func vhd() throws {
    let bytes = try stream(.vhd, requests, size: 3 << 20)
    #expect(bytes.count == 3 << 20 | 512)
    #expect(Array(bytes.prefix(3 << 20)) == requests.disk)
    #expect(
      try digest(bytes.suffix(512))
        == "sha256:5fb8f7af38ada92c784dcd79334bb8315491126984a7cef900bf8fd8fbb1a8fb")
  }

  @Test("tar: the header")
  func tar() throws {
    #expect(
      try digest(Tar.header(size: 1 << 30))
        == "sha256:83c8077944e0ebfaf862b5c12ea0f2254ff95eadd914033993250da7c5787b48")
    #expect(
      try digest(Tar.header(size: 8 << 30))
        == "sha256:b89777beb52f3436e66ae69efd9a6738a0d0035e4267564d1b9970cfe8553dac")
    #expect(Tar.trailer(size: 1 << 30) == [UInt8](repeating: 0, count: 3584))
  }

  @Test("rbd-diff: the stream")
  func rbdDiff() throws {
    #expect(
      try digest(stream(.rbdDiff, requests, size: 3 << 20))
        == "sha256:030377fe2ba98b2d7db2f63252f94d5b91ec3acb47c258a944477ffde1e9637c")
  }

  @Test("rbd-image: the stream")
  func rbdImage() throws {
    #expect(
      try digest(stream(.rbdImage, requests, size: 3 << 20))
        == "sha256:98d9c26fb6a98def3468fdcac43d9a25f3b09bfa5ede3f850d2f53c635c3ce1c")
  }

  @Test("vmdk: header, descriptor, directory and footer of a disk of nothing but holes")
  func vmdk() throws {
    let bytes = try stream(.vmdk, [.zeroes(1 << 30)], size: 1 << 30)
    // The header, the directory behind its marker, the footer behind its own, the end.
    #expect(bytes.count == (128 + 2 + 2 + 1) * 512)
    #expect(
      try digest(bytes) == "sha256:97ab4fe981576201c7ec826e1b512f89c95b76d724d11941df092e1f9dbe99d4"
    )
  }
}
