import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite("A descriptor that was inherited is shared with its owner", .timeLimit(.minutes(10)))
struct InheritedDescriptorTests {
  private let notOpen = "is not open: it has to be open when nbdkit starts"

  private func flags(_ descriptor: FileDescriptor) -> Int32 {
    fcntl(descriptor.rawValue, F_GETFL)
  }

  @Test("Its flags stay as they were, and all arrives", arguments: Line.Kind.allCases)
  func delivery(kind: Line.Kind) throws {
    let line = try Line(kind)
    let original = try line.writing.inherited
    let before = flags(original)
    var sink = DescriptorSink(
      try InheritedDescriptor(original.rawValue, for: .write).open(), name: "pipe=-",
      patience: .ample)
    #expect(flags(original) == before)
    let reader = try line.reader()
    var position: UInt64 = 0
    try sink.send(pattern(3 << 20).span.bytes, advancing: &position)
    #expect(flags(original) == before)
    try sink.close()
    #expect(flags(original) == before, "the original is its owner's to close")
    line.writing.close()
    expectSame(try reader.bytes(), pattern(3 << 20))
  }

  @Test("What comes through it arrives, and its flags stay", arguments: Line.Kind.allCases)
  func reading(kind: Line.Kind) throws {
    let line = try Line(kind)
    let original = try line.reading.inherited
    let before = flags(original)
    let inherited = try InheritedDescriptor(original.rawValue, for: .read)
    var source = DescriptorSource(try inherited.open(), name: "read=-", patience: .ample)
    defer { source.close() }
    try startWriting(pattern(3 << 20), to: line.writing)
    expectSame(try source.take(4 << 20), pattern(3 << 20))
    #expect(flags(original) == before)
  }

  @Test("A pipe that is empty and has no writer any more has ended, as nobody can open it")
  func writerGone() throws {
    let line = try Line(.pipe)
    let inherited = try InheritedDescriptor(try line.reading.inherited.rawValue, for: .read)
    line.writing.close()
    var source = DescriptorSource(try inherited.open(), name: "read=-", patience: .none)
    defer { source.close() }
    #expect(try source.take(1).isEmpty)
  }

  @Test("One that can only be written is refused for reading")
  func writeOnly() throws {
    let line = try Line(.pipe)
    #expect(throws: Failure(.badFileDescriptor, "is open for writing only")) {
      try InheritedDescriptor(line.writing.inherited.rawValue, for: .read)
    }
  }

  @Test("A full one is a wait that can end", arguments: Line.Kind.allCases)
  func full(kind: Line.Kind) throws {
    let line = try Line(kind)
    let watchdog = Watchdog { line.reading.close() }
    defer { watchdog.stop() }
    var sink = DescriptorSink(
      try InheritedDescriptor(try line.writing.inherited.rawValue, for: .write).open(),
      name: "pipe=-", patience: .none)
    defer { try? sink.close() }
    var position: UInt64 = 0
    #expect(throws: TransferError.interrupted) {
      try sink.send(pattern(8 << 20).span.bytes, advancing: &position)
    }
    #expect(line.reading.unread == Int(position))
  }

  @Test("A device is used")
  func device() throws {
    let null = try FileDescriptor.open("/dev/null", .writeOnly)
    defer { try? null.close() }
    var sink = DescriptorSink(
      try InheritedDescriptor(null.rawValue, for: .write).open(), name: "pipe=-", patience: .ample)
    defer { try? sink.close() }
    var position: UInt64 = 0
    try sink.sendZeroes(1 << 30, advancing: &position)
    #expect(position == 1 << 30)
  }

  @Test("A pipe whose reader has gone is refused before anything is written")
  func readerGone() throws {
    let line = try Line(.pipe)
    line.reading.close()
    let inherited = try InheritedDescriptor(line.writing.inherited.rawValue, for: .write)
    #expect(
      throws: Failure(.brokenPipe, "the reader of this pipe has gone already")
    ) { try inherited.open() }
  }

  @Test("A pipe whose reader goes before the first byte is not waited for: nobody can open it")
  func readerGoes() throws {
    let line = try Line(.pipe)
    let waiting = Waiting { _ in false }
    var sink = DescriptorSink(
      try InheritedDescriptor(try line.writing.inherited.rawValue, for: .write).open(),
      name: "pipe=-", patience: waiting.patience)
    defer { try? sink.close() }
    line.reading.close()
    var position: UInt64 = 0
    #expect(
      throws: TransferError.broken(Failure(errno: EPIPE, reason: "pipe=-: the reader has gone"))
    ) {
      try sink.send(pattern(10).span.bytes, advancing: &position)
    }
    #expect(waiting.questions == 0)
  }

  @Test("One that is closed is refused")
  func closed() {
    #expect(throws: Failure(.badFileDescriptor, notOpen)) {
      try InheritedDescriptor(1_000_000, for: .write)
    }
  }

  @Test("One that was opened since, by the server for itself, is refused")
  func serverOwn() throws {
    let line = try Line(.pipe)
    let number = try line.writing.open.rawValue
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    #expect(throws: Failure(.badFileDescriptor, notOpen)) {
      try InheritedDescriptor(number, for: .write)
    }
  }

  @Test("Closed here, its reader sees the end with that of the stream")
  func closing() throws {
    let line = try Line(.pipe)
    let original = try line.writing.inherited
    let inherited = try InheritedDescriptor(original.rawValue, for: .write)
    let sink = DescriptorSink(try inherited.open(), name: "write-fd=7", patience: .ample)
    inherited.closeOriginal()
    // By now the number may be another test's.
    line.writing.release()
    let reader = try line.reader()
    try sink.close()
    #expect(try reader.bytes() == [])
  }

  @Test("A number that has another use by now is left alone")
  func reused() throws {
    let line = try Line(.pipe)
    let original = try line.writing.inherited
    let inherited = try InheritedDescriptor(original.rawValue, for: .write)
    let sink = DescriptorSink(try inherited.open(), name: "write-fd=7", patience: .ample)
    defer { try? sink.close() }
    let other = try FileDescriptor.open("/dev/null", .writeOnly)
    _ = try other.duplicate(as: original)
    inherited.closeOriginal()
    #expect(fcntl(original.rawValue, F_GETFD) >= 0)
    try other.close()
  }

  @Test("One that can only be read is refused")
  func readOnly() throws {
    let line = try Line(.pipe)
    #expect(throws: Failure(.badFileDescriptor, "is open for reading only")) {
      try InheritedDescriptor(line.reading.inherited.rawValue, for: .write)
    }
  }

  @Test("A file is refused, and stays as it is")
  func file() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("disk.img", "precious")
    let file = try FileDescriptor.open(FilePath(path), .readWrite)
    defer { try? file.close() }
    expectRefused(file.rawValue, "is a regular file: ")
    #expect(try directory.text(of: "disk.img") == "precious")
  }

  @Test("A terminal is refused")
  func terminal() throws {
    var leader: Int32 = -1
    var follower: Int32 = -1
    try #require(openpty(&leader, &follower, nil, nil, nil) == 0)
    defer {
      Glibc.close(leader)
      Glibc.close(follower)
    }
    expectRefused(follower, "is a terminal: ")
  }

  @Test(
    "A socket that is not a connected stream socket is refused",
    arguments: [SOCK_DGRAM.rawValue, SOCK_SEQPACKET.rawValue, SOCK_STREAM.rawValue])
  func otherSocket(type: UInt32) throws {
    let socket = Glibc.socket(AF_UNIX, Int32(type), 0)
    try #require(socket >= 0)
    defer { Glibc.close(socket) }
    expectRefused(socket, "is a socket that is not a connected stream socket: ")
  }

  private func expectRefused(
    _ descriptor: Int32, _ reason: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let failure = #expect(throws: Failure.self, sourceLocation: sourceLocation) {
      try InheritedDescriptor(descriptor, for: .write)
    }
    #expect(failure?.number == .invalidArgument, sourceLocation: sourceLocation)
    #expect(failure?.reason.hasPrefix(reason) == true, sourceLocation: sourceLocation)
  }
}
