import CFakeNBDKit
import Glibc
import NBDKitTestKit
import SystemPackage
import TestSupport
import Testing

@Suite(
  "What can't work is refused before anything is served", .exclusiveServer,
  .timeLimit(.minutes(10)))
struct RefusedStartTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let pipe: String
    let errno: Errno
    /// How the line goes on after the parameter.
    let message: String
    var make: @Sendable (TemporaryDirectory) throws -> Void = { _ in }
  }

  @Test(arguments: [
    Case(
      testDescription: "a regular file", pipe: "file", errno: .invalidArgument,
      message: "is a regular file, which would be overwritten: give a FIFO"
    ) { try $0.file("file") },
    Case(
      testDescription: "a directory", pipe: ".", errno: .invalidArgument,
      message: "is a directory: give a FIFO"),
    Case(
      testDescription: "a missing directory", pipe: "missing/out", errno: .noSuchFileOrDirectory,
      message: "the directory '"),
    Case(
      testDescription: "a dangling link", pipe: "link", errno: .noSuchFileOrDirectory,
      message: "is a symbolic link to something that does not exist"
    ) { try $0.link("link", to: "missing") },
    Case(
      testDescription: "a name that is too long", pipe: String(repeating: "n", count: 256),
      errno: .fileNameTooLong, message: "File name too long"),
  ])
  func endpoint(_ subject: Case) throws {
    let directory = try TemporaryDirectory()
    try subject.make(directory)
    let before = try directory.entries
    let refusal = #expect(throws: Refusal.self) {
      _ = try Served(pipe: subject.pipe, in: directory)
    }
    #expect(refusal?.errno == subject.errno)
    #expect(refusal?.lines.count == 1)
    let line = "pipe=\(subject.pipe): \(subject.message)"
    #expect(refusal?.lines.first?.hasPrefix(line) == true, "\(refusal?.lines ?? [])")
    #expect(try directory.entries == before)
  }

  @Test("A report that can't be written is refused, and nothing was made for it")
  func report() throws {
    let directory = try TemporaryDirectory()
    try #require(mkdir(directory.path("report"), 0o700) == 0)
    let refusal = #expect(throws: Refusal.self) { _ = try Served(in: directory) }
    #expect(
      refusal == Refusal(.invalidArgument, "report=report: is not a regular file: give a new name"))
    #expect(try directory.entries == ["report"])
  }

  @Test(
    "A report at the stream's own path, spelled otherwise, is refused, and the FIFO is not lost")
  func otherSpelling() throws {
    let directory = try TemporaryDirectory()
    let fifo = directory.path("report")
    try #require(mkfifo(fifo, 0o600) == 0)
    #expect(throws: Refusal.self) { _ = try Served(pipe: "./report", in: directory) }
    #expect(try directory.entries == ["report"])
  }

  @Test(
    "An earlier report is removed even if the start is refused, so that nobody takes it for new")
  func earlierReport() throws {
    let directory = try TemporaryDirectory()
    try Served(in: directory).end()
    try directory.file("file")
    #expect(throws: Refusal.self) { _ = try Served(pipe: "file", in: directory) }
    #expect(try directory.entries == ["file"])
  }

  @Test("So is one of an earlier version, but no other file")
  func earlierVersion() throws {
    for (text, isLeft) in [
      (#"{"outcome": "complete", "direction": "write"}"#, false), (#"{"version": 2}"#, false),
      ("", true), ("{", true), (#"{"outcomes": "complete"}"#, true), ("notes", true),
    ] {
      let directory = try TemporaryDirectory()
      try directory.file("report", text)
      #expect(throws: Refusal.self) { _ = try Served(pipe: "missing/out", in: directory) }
      #expect(try directory.entries == (isLeft ? ["report"] : []), "\(text)")
      if isLeft { #expect(try directory.text(of: "report") == text) }
    }
  }

  @Test("A refused parameter names itself")
  func parameter() throws {
    let refusal = #expect(throws: Refusal.self) { _ = try Served(["sice": "1G"]) }
    #expect(refusal?.errno == .invalidArgument)
    #expect(refusal?.lines.first?.hasPrefix("sice: unknown parameter: ") == true)
  }
}
