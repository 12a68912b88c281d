import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite("A FIFO is made where nothing is", .timeLimit(.minutes(10)))
struct NamedPipeTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path("out")
  }

  private func status() throws -> stat {
    var status = stat()
    guard stat(path, &status) == 0 else { throw Errno(rawValue: errno) }
    return status
  }

  @Test("It is its maker's alone, and removed at the end")
  func made() throws {
    let pipe = try NamedPipe(path: path, for: .write)
    #expect(try status().st_mode == S_IFIFO | 0o600)
    try pipe.remove()
    #expect(try directory.entries.isEmpty)
    try pipe.remove()
  }

  @Test("One that was there is used as it is, and stays")
  func found() throws {
    try directory.fifo("out")
    try #require(chmod(path, 0o644) == 0)
    let before = try status()
    var pipe = try NamedPipe(path: path, for: .write)
    try pipe.open().descriptor.close()
    try pipe.remove()
    let after = try status()
    #expect(after.st_ino == before.st_ino)
    #expect(after.st_mode == S_IFIFO | 0o644)
  }

  @Test("It is not removed if something else took its place", arguments: ["a FIFO", "a file"])
  func replaced(by other: String) throws {
    let pipe = try NamedPipe(path: path, for: .write)
    try #require(rename(path, directory.path("away")) == 0)
    if other == "a FIFO" { try directory.fifo("out") } else { try directory.file("out") }
    try pipe.remove()
    #expect(try directory.entries == ["away", "out"])
  }

  @Test("One that took its place is not opened", arguments: ["a FIFO", "a file"])
  func opened(other: String) throws {
    var pipe = try NamedPipe(path: path, for: .write)
    try #require(rename(path, directory.path("away")) == 0)
    if other == "a FIFO" { try directory.fifo("out") } else { try directory.file("out") }
    #expect(throws: Failure(.staleNFSFileHandle, "something else has taken its place")) {
      try pipe.open().descriptor.close()
    }
  }

  @Test("A file is not taken for it, though it may be given the number of its inode")
  func inodeUsedAgain() throws {
    for _ in 1...100 {
      let pipe = try NamedPipe(path: path, for: .write)
      try #require(unlink(path) == 0)
      try directory.file("out", "precious")
      try pipe.remove()
      try #require(try directory.text(of: "out") == "precious")
      try #require(unlink(path) == 0)
    }
  }

  @Test("It is not made where something else was made meanwhile")
  func taken() throws {
    try directory.file("out", "precious")
    #expect(throws: Failure.self) { try NamedPipe(path: path, for: .write) }
    #expect(try directory.text(of: "out") == "precious")
  }

  @Test("All that a process made go when it exits, but what took the place of one")
  func atExit() async throws {
    await #expect(processExitsWith: .success) { [path = directory.path as String] in
      for name in ["first", "second", "third", "fourth"] {
        try NamedPipe(path: "\(path)/\(name)", for: .write).removeAtExit()
      }
      // Made again, as another user would have to.
      try #require(unlink("\(path)/second") == 0)
      try NamedPipe(path: "\(path)/second", for: .read).removeAtExit()
      try #require(rename("\(path)/third", "\(path)/away") == 0)
      try #require(mkfifo("\(path)/third", 0o600) == 0)
    }
    #expect(try directory.entries == ["away", "third"])
  }

  @Test("It can't be made in a directory that does not exist")
  func nowhere() {
    #expect(
      throws: Failure(.noSuchFileOrDirectory, "no FIFO can be made: No such file or directory")
    ) { try NamedPipe(path: directory.path("missing/out"), for: .write) }
  }

  @Test("It is opened without a reader, and no reader of its own stays")
  func openedAlone() throws {
    var pipe = try NamedPipe(path: path, for: .write)
    let writing = End(try pipe.open().descriptor)
    let flags = fcntl(try writing.open.rawValue, F_GETFL)
    #expect(flags & O_ACCMODE == O_WRONLY)
    #expect(flags & O_NONBLOCK != 0)
    #expect(fcntl(try writing.open.rawValue, F_GETFD) & FD_CLOEXEC != 0)

    var state = pollfd(fd: try writing.open.rawValue, events: 0, revents: 0)
    poll(&state, 1, 0)
    #expect(Int32(state.revents) == POLLERR, "there is no reader")
  }

  @Test("A reader that waits in its open goes on, and sees the end even if nothing was written")
  func endOfNothing() throws {
    var pipe = try NamedPipe(path: path, for: .write)
    let reader = Reader(path: path)
    // Until the reader is there, as this one can't tell how far it has come.
    let sink = DescriptorSink(try pipe.open(), name: "pipe=out", patience: .ample)
    var waiting = sink
    try waiting.waitForReader()
    try sink.close()
    #expect(try reader.bytes().isEmpty)
  }

  @Test(
    "One made as another user is made again as the one who opens it",
    .enabled(if: geteuid() == 0, "needs root to become somebody else"))
  func madeAgain() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try #require(chmod(directory.path, 0o777) == 0)
      var pipe = try NamedPipe(path: directory.path("out"), for: .write)
      try asStranger { try pipe.open().descriptor.close() }
      var status = stat()
      try #require(stat(directory.path("out"), &status) == 0)
      #expect(status.st_uid == stranger)
      #expect(status.st_mode == S_IFIFO | 0o600)
      #expect(try directory.entries == ["out"])
      try asStranger { try pipe.remove() }
      #expect(try directory.entries.isEmpty)
    }
  }

  @Test(
    "It is not made again over what took its place",
    .enabled(if: geteuid() == 0, "needs root to become somebody else"))
  func notMadeAgain() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try #require(chmod(directory.path, 0o777) == 0)
      var pipe = try NamedPipe(path: directory.path("out"), for: .write)
      try #require(unlink(directory.path("out")) == 0)
      try directory.file("out", "precious")
      #expect(throws: Failure(.staleNFSFileHandle, "something else has taken its place")) {
        try asStranger { try pipe.open().descriptor.close() }
      }
      #expect(try directory.text(of: "out") == "precious")
    }
  }
}
