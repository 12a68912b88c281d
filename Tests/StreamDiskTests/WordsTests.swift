import Testing

@testable import StreamDisk

@Suite("Words for people")
struct WordsTests {
  @Test(
    "a size is bytes, or a number and a letter",
    arguments: [
      ("4096", 4096), ("10K", 10 << 10), ("3m", 3 << 20), ("10G", 10 << 30), ("1T", 1 << 40),
    ])
  func size(text: String, bytes: UInt64) { #expect(Size(text)?.bytes == bytes) }

  @Test(
    "anything else is not a size",
    arguments: ["", "0", "-1", "G", "10X", "1.5G", "99999999999999999999", "9999999P", " 1"])
  func noSize(text: String) { #expect(Size(text) == nil) }

  @Test(
    "bytes are told in the unit that suits",
    arguments: [
      (0, "0 B"), (999, "999 B"), (1000, "1 KiB"), (1536, "1.5 KiB"), (16 << 30, "16 GiB"),
      (UInt64.max, "16 EiB"),
    ])
  func human(bytes: UInt64, text: String) { #expect(StreamDisk.human(bytes) == text) }

  @Test("time is told in seconds, minutes or hours")
  func time() {
    #expect(StreamDisk.human(.milliseconds(3240)) == "3.2 s")
    #expect(StreamDisk.human(.seconds(247)) == "4:07")
    #expect(StreamDisk.human(.seconds(3723)) == "1:02:03")
  }

  @Test("what a shell would take for more than a word is quoted")
  func quoting() {
    #expect(quoted("disk.qcow2") == "disk.qcow2")
    #expect(quoted("a b") == "'a b'")
    #expect(quoted("it's") == #"'it'\''s'"#)
    #expect(quoted("$(id)") == "'$(id)'")
    #expect(quoted("") == "''")
  }

  @Test("a level that is left out is added for write, but not behind --")
  func levels() {
    #expect(
      Command.withLevels(["write", "--zstd", "--gzip=9", "--", "--zstd"])
        == ["write", "--zstd=3", "--gzip=9", "--", "--zstd"])
    #expect(Command.withLevels(["restore", "--zstd"]) == ["restore", "--zstd"])
  }

  @Test("an image's format is that of its name's end")
  func formats() {
    #expect(Restore.format(of: "a/b.qcow2") == "qcow2")
    #expect(Restore.format(of: "disk.VHD") == "vpc")
    #expect(Restore.format(of: "disk.img") == "raw")
    #expect(Restore.format(of: "nbd://host/disk.qcow2") == "raw")
  }
}
