import Glibc
import StreamIO
import SystemPackage
import TestSupport

/// A real pipe or socket: a sink or a source at one end, the test at the other.
final class Line: Sendable {
  enum Kind: CaseIterable, Sendable {
    case pipe, socket
  }

  private let kind: Kind
  let reading: End
  let writing: End

  init(_ kind: Kind) throws {
    ignoreBrokenPipes()
    self.kind = kind
    let ends = try kind == .pipe ? FileDescriptor.pipe() : Self.socketPair()
    reading = End(ends.readEnd)
    writing = End(ends.writeEnd)
    for end in [ends.readEnd, ends.writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
  }

  private static func socketPair() throws -> (readEnd: FileDescriptor, writeEnd: FileDescriptor) {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
      throw Errno(rawValue: errno)
    }
    return (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
  }

  /// The sink as the plugin has it: a pipe is non-blocking, a socket stays as it is.
  func sink(_ patience: Patience = .ample) throws -> DescriptorSink {
    if kind == .pipe { _ = fcntl(try writing.open.rawValue, F_SETFL, O_NONBLOCK) }
    return DescriptorSink(
      OpenEndpoint(try writing.open, kind == .pipe ? .pipe : .socket), name: "pipe=x",
      patience: patience)
  }

  /// A sink on a pipe that is left blocking.
  func blockingSink(_ patience: Patience = .ample) throws -> DescriptorSink {
    DescriptorSink(
      OpenEndpoint(try writing.open, .pipe, staysBlocking: true), name: "pipe=x",
      patience: patience)
  }

  /// The source as the plugin has it.
  func source(
    _ patience: Patience = .ample, staysBlocking: Bool = false
  ) throws -> DescriptorSource {
    if kind == .pipe, !staysBlocking { _ = fcntl(try reading.open.rawValue, F_SETFL, O_NONBLOCK) }
    return DescriptorSource(
      OpenEndpoint(
        try reading.open, kind == .pipe ? .pipe : .socket, hasPeer: true,
        staysBlocking: staysBlocking), name: "read=x", patience: patience)
  }

  /// Somebody who reads until the end, which is ``close(_:)``.
  func reader() throws -> Reader {
    let descriptor = try reading.open
    reading.release()
    return Reader(descriptor)
  }

  /// Ends the stream.
  func close(_ sink: DescriptorSink) throws {
    writing.release()
    try sink.close()
  }
}
