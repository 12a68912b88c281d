import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite("A file is there as a whole or not at all")
struct AtomicFileTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path("report")
  }

  @Test("It holds the text, and nothing is left beside it")
  func written() throws {
    try AtomicFile.check(path, replacing: "")
    try AtomicFile.write("all of it\n", to: path)
    #expect(try directory.text(of: "report") == "all of it\n")
    #expect(try directory.entries == ["report"])
  }

  @Test("An older one is replaced, and whoever reads that keeps it")
  func replaced() throws {
    try directory.file("report", "old")
    let old = End(try FileDescriptor.open(FilePath(path), .readOnly))
    try AtomicFile.check(path, replacing: "")
    try AtomicFile.write("new", to: path)
    #expect(try directory.text(of: "report") == "new")
    #expect(try old.take() == Array("old".utf8))
    #expect(try directory.entries == ["report"])
  }

  @Test("Failing to be put there, it leaves nothing")
  func failed() throws {
    // What can't be replaced by a file.
    try #require(mkdir(path, 0o700) == 0)
    let failure = #expect(throws: Failure.self) { try AtomicFile.write("text", to: path) }
    #expect(failure?.number == .isDirectory)
    #expect(failure?.reason.hasPrefix("can't be written: ") == true)
    #expect(try directory.entries == ["report"])
  }

  @Test("What is beside it by chance is not removed")
  func neighbour() throws {
    // As it is named for "report".
    let hash = "report".utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    let neighbour = ".nbdkit-streaming.\(String(hash, radix: 16))"
    try directory.file(neighbour, "precious")
    #expect(throws: Failure.self) { try AtomicFile.write("text", to: path) }
    #expect(try directory.text(of: neighbour) == "precious")
    #expect(try directory.entries == [neighbour])
  }

  @Test("A name as long as the system takes can be used")
  func longestName() throws {
    let path = directory.path(String(repeating: "n", count: 255))
    try AtomicFile.check(path, replacing: "")
    try AtomicFile.write("text", to: path)
    #expect(try directory.entries == [String(repeating: "n", count: 255)])
  }

  @Test("What is not a file is refused", arguments: ["directory", "fifo", "device", "link"])
  func refused(kind: String) throws {
    let path =
      switch kind {
      case "directory": directory.path
      case "fifo": try directory.fifo("fifo")
      case "device": "/dev/null"
      default: try directory.link("link", to: "/dev/null")
      }
    let what = kind == "link" ? "a symbolic link" : "not a regular file"
    #expect(throws: Failure(.invalidArgument, "is \(what): give a new name")) {
      try AtomicFile.check(path, replacing: "")
    }
  }

  @Test("A file is replaced only if it is empty or begins as told")
  func beginning() throws {
    let path = directory.path("report")
    for (text, isReplaced) in [("", true), ("{old", true), ("{", false), ("mine", false)] {
      try AtomicFile.write(text, to: path)
      let checked = Result { try AtomicFile.check(path, replacing: "{old") }
      #expect(((try? checked.get()) != nil) == isReplaced, "\(text)")
      #expect(try directory.text(of: "report") == text)
    }
  }

  @Test("So is a name in a directory that does not exist")
  func nowhere() {
    let failure = #expect(throws: Failure.self) {
      try AtomicFile.check(directory.path("missing/report"), replacing: "")
    }
    #expect(failure?.number == .noSuchFileOrDirectory)
    #expect(
      failure?.reason.hasPrefix("no file can be made in '\(directory.path)/missing'") == true)
  }

  @Test("One left by an earlier run is removed, and it is no failure if there is none")
  func removed() throws {
    try directory.file("report", "old")
    try AtomicFile.remove(path)
    #expect(try directory.entries.isEmpty)
    try AtomicFile.remove(path)
  }

  @Test("Checking changes nothing")
  func checked() throws {
    try AtomicFile.check(path, replacing: "")
    #expect(try directory.entries.isEmpty)
    try directory.file("report", "old")
    try AtomicFile.check(path, replacing: "")
    #expect(try directory.text(of: "report") == "old")
  }

  @Test("What a killed process has left beside it is in nobody's way", arguments: ["", "{\"outc"])
  func leftOver(text: String) throws {
    try AtomicFile.reserve(path)
    let part = try #require(try directory.entries.first)
    try AtomicFile.write("x", to: path)
    try directory.file(part, text)
    try AtomicFile.check(path, replacing: "")
    try AtomicFile.write("new", to: path)
    #expect(try directory.text(of: "report") == "new")
    #expect(try directory.entries == ["report"])
  }

  @Test("The second of two that would write it is refused, and nothing of the first is lost")
  func reserved() throws {
    try AtomicFile.reserve(path)
    let busy = Failure(
      .resourceBusy, "another nbdkit will write this file at its end: give each one of its own")
    #expect(throws: busy) { try AtomicFile.check(path, replacing: "") }
    #expect(throws: busy) { try AtomicFile.reserve(path) }
    #expect(throws: Never.self) { try AtomicFile.check(directory.path("other"), replacing: "") }
    try AtomicFile.write("first", to: path)
    #expect(try directory.text(of: "report") == "first")
    #expect(throws: Never.self) { try AtomicFile.check(path, replacing: "first") }
  }

  @Test("A name of a directory, or of standard output, is refused", arguments: ["new/", "-"])
  func names(name: String) throws {
    #expect(throws: Failure.self) { try AtomicFile.check(directory.path(name), replacing: "") }
    #expect(throws: Never.self) { try AtomicFile.check(directory.path("./-"), replacing: "") }
  }

  @Test("A directory where anybody can make files is refused", arguments: [0o1777, 0o777])
  func everybodys(mode: mode_t) throws {
    try #require(chmod(directory.path, mode) == 0)
    let failure = #expect(throws: Failure.self) { try AtomicFile.check(path, replacing: "") }
    #expect(failure?.number == .permissionDenied)
  }

  @Test(
    "So is one where another user can",
    .enabled(if: geteuid() == 0, "needs root to give files away"))
  func foreign() throws {
    try #require(chown(directory.path, stranger, 0) == 0)
    let failure = #expect(throws: Failure.self) { try AtomicFile.check(path, replacing: "") }
    #expect(failure?.reason.contains("belongs to user \(stranger)") == true)
  }
}
