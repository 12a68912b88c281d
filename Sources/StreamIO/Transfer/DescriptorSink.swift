import CLinux
import Glibc
public import StreamCore
import Synchronization
public import SystemPackage

/// Sends the stream to an open descriptor: a pipe, a socket or a character device.
///
/// Nothing here blocks in a system call: each wait is a short one, after which ``Patience`` is
/// asked.
public struct DescriptorSink: StreamSink, Sendable {
  /// What the descriptor is.
  public typealias Kind = OpenEndpoint.Kind

  var line: PatientDescriptor
  let kind: Kind
  /// The most bytes that one write may offer: a descriptor that had to stay blocking is offered
  /// only what is certain not to block.
  let mostPerWrite: Int
  /// Asked whether to go on waiting.
  public var patience: Patience {
    get { line.patience }
    set { line.patience = newValue }
  }

  /// What a pipe can hold in bytes, or 0 if that is not known.
  public private(set) var capacity = 0
  private var hasReader: Bool
  /// Watches who else opens a FIFO. `isWatching` is whether it has to be told of what is sent.
  let watch: FIFOWatch?
  private var isWatching: Bool
  private var zeroesByReference: Bool

  /// Takes over `endpoint`, which ``close()`` closes; messages call it `name`.
  ///
  /// - Parameter gauge: Shows the progress to other threads, if wanted.
  public init(_ endpoint: OpenEndpoint, name: String, patience: Patience, gauge: Gauge? = nil) {
    line = PatientDescriptor(
      endpoint.descriptor, name: name, patience: patience, gauge: gauge)
    kind = endpoint.kind
    mostPerWrite = endpoint.staysBlocking && kind != .socket ? Int(PIPE_BUF) : Int.max
    hasReader = endpoint.hasPeer
    watch = endpoint.watch
    isWatching = watch != nil
    ParentCopies.forget(endpoint.descriptor)
    zeroesByReference = kind == .pipe
    // They are made now, as there may be no memory when zeroes are due.
    _ = ZeroPages.shared
    if kind == .pipe { capacity = PipeCapacity.enlarge(endpoint.descriptor) }
  }

  /// The same number as the position, as the disk's own bytes are sent.
  public private(set) var outputOffset: UInt64 = 0

  /// Everything was handed on by the call that sent it.
  public mutating func flush() {}

  /// Nothing marks the end of the disk's own bytes.
  public mutating func finish() {}

  /// Everything except what was not read.
  public func delivered(unread: UInt64, of position: UInt64) -> UInt64 {
    position - min(unread, position)
  }

  /// Waits until a pipe has a reader: before that, what is written would be lost with the pipe.
  public mutating func waitForReader() throws(TransferError) {
    guard !hasReader else { return }
    while line.events() & POLLERR != 0 { try line.waitForPeer("a reader") }
    hasReader = true
  }

  /// Whether a pipe has had no reader and has none now.
  public var lacksReader: Bool { !hasReader && line.events() & POLLERR != 0 }

  /// For a FIFO: checks whether one reader takes the stream.
  private mutating func lookAtReader() {
    watch?.look(peerHasMoved: unread < outputOffset)
    isWatching = watch?.isSettled == false
  }

  /// Copies `bytes` to the reader.
  public mutating func send(
    _ bytes: RawSpan, advancing position: inout UInt64
  ) throws(TransferError) {
    try waitForReader()
    if isWatching { lookAtReader() }
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write($0) }
      guard count > 0 else {
        try recover(from: count < 0 ? errno : EIO)
        continue
      }
      rest = rest.extracting(droppingFirst: count)
      position += UInt64(count)
      outputOffset += UInt64(count)
      line.gauge?.output.store(outputOffset, ordering: .relaxed)
      try line.askAfter(count)
    }
  }

  /// Sends zeroes: to a pipe by reference, to others from the same constant memory.
  public mutating func sendZeroes(
    _ count: UInt64, advancing position: inout UInt64
  ) throws(TransferError) {
    try waitForReader()
    if isWatching { lookAtReader() }
    let zeroes = ZeroPages.shared.bytes
    let end = position + count
    while position < end {
      let part = UnsafeRawBufferPointer(
        rebasing: zeroes.prefix(Int(min(end - position, UInt64(zeroes.count)))))
      let sent = zeroesByReference ? splice(part) : write(part)
      guard sent > 0 else {
        try recover(from: sent < 0 ? errno : EIO)
        continue
      }
      position += UInt64(sent)
      outputOffset += UInt64(sent)
      line.gauge?.output.store(outputOffset, ordering: .relaxed)
      try line.askAfter(sent)
    }
  }

  /// Closes the descriptor: a pipe's or socket's reader then sees the end of the stream.
  ///
  /// - Throws: What the device reports about its last bytes.
  public func close() throws(Errno) {
    if kind == .socket { endConnection() }
    do {
      try line.file.close()
    } catch Errno.interrupted where kind != .device {
      // It is closed, and had nothing to wait for.
    } catch {
      throw error as? Errno ?? .ioError
    }
  }

  /// Lets a socket's reader see the end of the stream. What the reader sent is of no interest, but
  /// if any of it were left at the close, the connection would be reset, and the reader would lose
  /// its end of file.
  private func endConnection() {
    shutdown(line.file.rawValue, Int32(SHUT_RDWR))
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      while recv(line.file.rawValue, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT)) > 0 {}
    }
  }

  // MARK: System calls

  private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard kind == .socket else {
      if mostPerWrite != Int.max, line.events(POLLOUT) == 0 {
        errno = EAGAIN
        return -1
      }
      return Glibc.write(
        line.file.rawValue, bytes.baseAddress, min(bytes.count, mostPerWrite))
    }
    return Glibc.send(
      line.file.rawValue, bytes.baseAddress, bytes.count,
      Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
  }

  private mutating func splice(_ zeroes: UnsafeRawBufferPointer) -> Int {
    guard let start = zeroes.baseAddress else { return 0 }
    let sent = clinux_vmsplice(line.file.rawValue, start, zeroes.count)
    guard sent < 0, errno == ENOSYS || errno == EPERM || errno == EINVAL else { return sent }
    zeroesByReference = false
    return write(zeroes)
  }

  /// Decides what an unsuccessful system call means: try again, wait, or the end of the stream.
  private mutating func recover(from error: Int32) throws(TransferError) {
    switch error {
    case EINTR: try line.ask()
    case EAGAIN, EWOULDBLOCK: try line.wait(for: POLLOUT)
    case EPIPE, ECONNRESET: throw line.broken(error, "the reader has gone")
    default: throw line.broken(error)
    }
  }
}
