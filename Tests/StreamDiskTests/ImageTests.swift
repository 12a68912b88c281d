import Testing

@testable import StreamDisk

@Suite("An image")
struct ImageTests {
  @Test(
    "that leads to another file is known by what qemu-img says",
    arguments: [
      (#"{"format": "raw", "virtual-size": 512}"#, nil),
      (
        #"{"format": "qcow2", "virtual-size": 512, "backing-filename": "/etc/shadow"}"#,
        "/etc/shadow"
      ),
      (
        specific("qcow2", #"{"compat": "1.1", "data-file": "d"}"#), "d"
      ),
      (
        specific("vmdk", #"{"extents": [{"filename": "/disk"}, {"filename": "/other"}]}"#),
        "/other"
      ),
      (specific("vmdk", #"{"extents": [{"filename": "/disk"}]}"#), nil),
    ] as [(String, String?)])
  func other(text: String, file: String?) throws {
    #expect(try Information(parsing: Array(text.utf8)).otherFile(than: "/disk") == file)
  }

  /// What qemu-img says of an image of a format that has words of its own.
  private static func specific(_ format: String, _ data: String) -> String {
    #"{"format": "\#(format)", "virtual-size": 512, "#
      + #""format-specific": {"type": "\#(format)", "data": \#(data)}}"#
  }

  @Test(
    "is an export if it has an NBD URI",
    arguments: ["nbd://h", "nbds://h", "nbd+unix:///?socket=s"])
  func exports(name: String) { #expect(Image.isURI(name)) }

  @Test(
    "is a file otherwise", arguments: ["nbd", "/nbd://h", "disk:nbd://", "./nbd://x", "nbdx://h"])
  func files(name: String) { #expect(!Image.isURI(name)) }

  @Test("differs where the dumps of a sector do")
  func dumps() {
    let dump = """
      00000000:  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  ................
      00000010:  ff 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
      read 512/512 bytes at offset 0
      """
    #expect(
      Difference.bytes(dump).prefix(17) == [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255,
      ])
    #expect(Difference.bytes(dump).count == 32)
  }

  @Test("never decides what a stream is by how it begins")
  func beginnings() throws {
    let zstd: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
    #expect(throws: Failure.self) { try Encoding.raw.check(zstd, isSaid: false, name: "s") }
    try Encoding.raw.check(zstd, isSaid: true, name: "s")
    try Encoding.compressed(.zstd).check(zstd, isSaid: false, name: "s")
    #expect(throws: Failure.self) {
      try Encoding.compressed(.gzip).check(zstd, isSaid: true, name: "s")
    }
    try Encoding.raw.check([0, 0, 0, 0], isSaid: false, name: "s")
  }
}
