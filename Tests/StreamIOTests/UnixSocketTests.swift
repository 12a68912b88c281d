import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite("A UNIX socket is connected to", .timeLimit(.minutes(10)))
struct UnixSocketTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    ignoreBrokenPipes()
    directory = try TemporaryDirectory()
    path = directory.path("socket")
  }

  @Test("The listener gets every byte and the end")
  func connected() throws {
    let listener = try BoundSocket(path, backlog: 1)
    var sink = DescriptorSink(
      try UnixSocket.connect(to: path), name: "pipe=socket", patience: .ample)
    let accepted = try listener.accept()
    let reader = Reader(try accepted.open)
    accepted.release()
    var position: UInt64 = 0
    try sink.send(pattern(300_001).span.bytes, advancing: &position)
    #expect(sink.drain() == .taken)
    try sink.close()
    expectSame(try reader.bytes(), pattern(300_001))
  }

  @Test("The end comes even if the reader sent something that is never read")
  func talkingReader() throws {
    let listener = try BoundSocket(path, backlog: 1)
    var sink = DescriptorSink(
      try UnixSocket.connect(to: path), name: "pipe=socket", patience: .ample)
    let accepted = try listener.accept()
    try accepted.open.writeAll(pattern(10_000))
    var position: UInt64 = 0
    try sink.send(pattern(100).span.bytes, advancing: &position)
    try sink.close()
    let reader = Reader(try accepted.open)
    accepted.release()
    expectSame(try reader.bytes(), pattern(100))
  }

  @Test("The end comes even if another process still has the connection")
  func sharedConnection() throws {
    let listener = try BoundSocket(path, backlog: 1)
    let connection = try UnixSocket.connect(to: path)
    let copy = End(try connection.descriptor.duplicate())
    let accepted = try listener.accept()
    let reader = Reader(try accepted.open)
    accepted.release()
    try DescriptorSink(connection, name: "pipe=socket", patience: .ample).close()
    #expect(try reader.bytes().isEmpty)
    copy.close()
  }

  @Test("It does not block and is not inherited")
  func flags() throws {
    let listener = try BoundSocket(path, backlog: 1)
    let connection = End(try UnixSocket.connect(to: path).descriptor)
    #expect(fcntl(try connection.open.rawValue, F_GETFL) & O_NONBLOCK != 0)
    #expect(fcntl(try connection.open.rawValue, F_GETFD) & FD_CLOEXEC != 0)
    withExtendedLifetime(listener) {}
  }

  @Test("Nothing listens")
  func nobody() throws {
    let bound = try BoundSocket(path)
    #expect(
      throws: Failure(
        .connectionRefused, "nothing listens on this socket: start what listens on it first")
    ) { try UnixSocket.connect(to: path).descriptor.close() }
    withExtendedLifetime(bound) {}
  }

  @Test("The listener has gone")
  func gone() throws {
    _ = try BoundSocket(path, backlog: 1)
    let failure = #expect(throws: Failure.self) {
      try UnixSocket.connect(to: path).descriptor.close()
    }
    #expect(failure?.number == .connectionRefused)
  }

  @Test("It is of another type", arguments: [SOCK_DGRAM.rawValue, SOCK_SEQPACKET.rawValue])
  func otherType(_ type: UInt32) throws {
    let bound = try BoundSocket(
      path, type: __socket_type(type), backlog: type == SOCK_DGRAM.rawValue ? nil : 1)
    let failure = #expect(throws: Failure.self) {
      try UnixSocket.connect(to: path).descriptor.close()
    }
    #expect(failure?.number == .protocolWrongTypeForSocket)
    #expect(failure?.reason.hasPrefix("is not a stream socket") == true)
    withExtendedLifetime(bound) {}
  }

  @Test("A queue that is full is refused instead of waited for")
  func full() throws {
    let listener = try BoundSocket(path, backlog: 0)
    let watchdog = Watchdog { listener.close() }
    defer { watchdog.stop() }
    let first = End(try UnixSocket.connect(to: path).descriptor)
    #expect(
      throws: Failure(
        .resourceTemporarilyUnavailable, "too many connections wait on this socket")
    ) { try UnixSocket.connect(to: path).descriptor.close() }
    withExtendedLifetime(first) {}
  }

  @Test("A path as long as fits is used, a longer one refused")
  func length() throws {
    let fill = 107 - directory.path.utf8.count - 1
    let longest = directory.path(String(repeating: "s", count: fill))
    let listener = try BoundSocket(longest, backlog: 1)
    #expect(throws: Never.self) { try UnixSocket.connect(to: longest).descriptor.close() }
    #expect(
      throws: Failure(
        .fileNameTooLong, "the path of a socket has at most 107 bytes, this has 108")
    ) { try UnixSocket.connect(to: longest + "s").descriptor.close() }
    withExtendedLifetime(listener) {}
  }
}
