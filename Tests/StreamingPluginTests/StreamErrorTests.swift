import StreamCore
import SystemPackage
import Testing

@testable import StreamingPlugin

@Suite("An error tells the client what NBD knows and the user what to do")
struct StreamErrorTests {
  struct Case: Sendable {
    let error: StreamError
    let errno: Errno
    let message: String
  }

  @Test(arguments: [
    Case(
      error: .late(512..<1024, position: 4096), errno: .ioError,
      message: "below the stream's position 4096, sent already"),
    Case(
      error: .sent(512..<1024, position: 4096), errno: .ioError,
      message: "below the stream's position 4096, sent already and no longer kept"),
    Case(
      error: .owed(512..<1024), errno: .ioError,
      message: "the bytes from 512 to 1024 are missing: "
        + "an earlier request for them failed and has to be repeated first"),
    Case(
      error: .interrupted, errno: .socketShutdown,
      message: "interrupted: the client has gone or the server stops"),
    Case(
      error: .noRoom(Failure(errno: 28, reason: "full")), errno: .noSpace,
      message: "can't be kept until its turn: full"),
    Case(
      error: .noRoom(Failure(errno: 12, reason: "no memory")), errno: .noMemory,
      message: "can't be kept until its turn: no memory"),
    Case(
      error: .unreadable(Failure(errno: 5, reason: "spool=/tmp: Input/output error")),
      errno: .ioError,
      message: "bytes that wait can't be read back: spool=/tmp: Input/output error"),
    Case(
      error: .broken(Failure(errno: 32, reason: "pipe=out: the reader has gone")), errno: .ioError,
      message: "pipe=out: the reader has gone"),
    Case(
      error: .broken(Failure(errno: 28, reason: "pipe=/dev/full: No space left on device")),
      errno: .noSpace, message: "pipe=/dev/full: No space left on device"),
    Case(
      error: .failedBefore, errno: .ioError, message: "the stream has failed before"),
  ])
  func tells(_ subject: Case) {
    #expect(subject.error.errno == subject.errno)
    #expect(subject.error.message == subject.message)
  }
}
