import CLinux
import Glibc
public import StreamCore
public import SystemPackage

/// Sends the stream to an open descriptor: a pipe, a socket or a character device.
///
/// Nothing here blocks in a system call: each wait is a poll of at most 100 ms, after which
/// ``Patience`` is asked, so that a request ends when its client goes or the server stops.
public struct DescriptorSink: StreamSink, Sendable {
  /// What the descriptor is, which decides on the system calls.
  public enum Kind: Sendable {
    case pipe, socket, device
  }

  let descriptor: FileDescriptor
  let kind: Kind
  /// What the endpoint is called in messages.
  let name: String
  /// The most bytes one write may offer: a descriptor that had to stay blocking takes only what is
  /// certain not to block.
  let mostPerWrite: Int
  /// Who is asked whether to wait on.
  public var patience: Patience

  /// What a pipe can hold in bytes, or 0 where that is not known.
  public private(set) var capacity = 0
  private var hasReader: Bool
  /// Whether the user was told that a reader is waited for.
  private var hasAnnounced = false
  private var zeroesByReference: Bool
  /// Bytes sent since the patience was last asked: who never waits is asked as well.
  private var unasked = 0

  /// Takes over `descriptor`, to be closed by ``close()``.
  ///
  /// - Parameters:
  ///   - hasReader: A pipe has had a reader from the start, so that none is waited for: if that one
  ///     has gone, no other can come.
  ///   - staysBlocking: The descriptor is shared with others and could not be opened anew, so it
  ///     was left blocking.
  public init(
    _ descriptor: FileDescriptor, _ kind: Kind, name: String, patience: Patience,
    hasReader: Bool = false, staysBlocking: Bool = false
  ) {
    self.descriptor = descriptor
    self.kind = kind
    self.name = name
    self.patience = patience
    mostPerWrite = staysBlocking && kind != .socket ? Int(PIPE_BUF) : Int.max
    self.hasReader = hasReader || kind != .pipe
    zeroesByReference = kind == .pipe
    if kind == .pipe { capacity = PipeCapacity.enlarge(descriptor) }
  }

  /// Waits until a pipe has a reader: before that, what is written would be lost with the pipe.
  public mutating func waitForReader() throws(TransferError) {
    guard !hasReader else { return }
    var waited = 0
    while poll(0, milliseconds: 0) & POLLERR != 0 {
      // Short at first: readers are mostly started together with the server.
      let slice = waited < 1000 ? 10 : 100
      guard patience.pause(slice) else { throw .interrupted }
      waited += slice
      if waited >= 3000, !hasAnnounced {
        hasAnnounced = true
        patience.announce("\(name): waiting for a reader to open it")
      }
    }
    hasReader = true
  }

  /// Copies `bytes` to the reader.
  public mutating func send(
    _ bytes: RawSpan, advancing position: inout UInt64
  ) throws(TransferError) {
    try waitForReader()
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write($0) }
      guard count > 0 else {
        try recover(from: count < 0 ? errno : EIO)
        continue
      }
      rest = rest.extracting(droppingFirst: count)
      position += UInt64(count)
      try askAfter(count)
    }
  }

  /// Sends zeroes: to a pipe by reference, to others from the same constant memory.
  public mutating func sendZeroes(
    _ count: UInt64, advancing position: inout UInt64
  ) throws(TransferError) {
    try waitForReader()
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
      try askAfter(sent)
    }
  }

  /// Closes the descriptor: a pipe's or socket's reader then sees the end of the stream.
  ///
  /// - Throws: What the device says of its last bytes.
  public func close() throws(Errno) {
    if kind == .socket { shutdown(descriptor.rawValue, Int32(SHUT_WR)) }
    do {
      try descriptor.close()
    } catch {
      throw error as? Errno ?? .ioError
    }
  }

  // MARK: System calls

  private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard kind == .socket else {
      if mostPerWrite != Int.max, poll(POLLOUT, milliseconds: 0) == 0 {
        errno = EAGAIN
        return -1
      }
      return Glibc.write(
        descriptor.rawValue, bytes.baseAddress, min(bytes.count, mostPerWrite))
    }
    return Glibc.send(
      descriptor.rawValue, bytes.baseAddress, bytes.count,
      Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
  }

  private mutating func splice(_ zeroes: UnsafeRawBufferPointer) -> Int {
    guard let start = zeroes.baseAddress else { return 0 }
    let sent = clinux_vmsplice(descriptor.rawValue, start, zeroes.count)
    guard sent < 0, errno == ENOSYS || errno == EPERM || errno == EINVAL else { return sent }
    zeroesByReference = false
    return write(zeroes)
  }

  /// Decides what an unsuccessful system call means: try again, wait, or the end of the stream.
  private mutating func recover(from error: Int32) throws(TransferError) {
    switch error {
    case EINTR: try ask()
    case EAGAIN, EWOULDBLOCK: try waitForRoom()
    case EPIPE, ECONNRESET:
      throw .broken(errno: error, reason: "\(name): the reader has gone")
    default:
      throw .broken(errno: error, reason: "\(name): \(Errno(rawValue: error))")
    }
  }

  /// Returns when the descriptor takes bytes again, or has failed: the next write tells. A wait
  /// counts as a mebibyte sent, so that one that ends at once again and again is asked about too.
  private mutating func waitForRoom() throws(TransferError) {
    try askAfter(1 << 20)
    while poll(POLLOUT, milliseconds: 100) == 0 { try ask() }
  }

  private mutating func askAfter(_ count: Int) throws(TransferError) {
    unasked += count
    if unasked >= 256 << 20 { try ask() }
  }

  private mutating func ask() throws(TransferError) {
    unasked = 0
    guard patience.pause(0) else { throw .interrupted }
  }

  /// What happened on the descriptor: 0 for nothing within the time, or if a signal ended the wait.
  func poll(_ events: Int32, milliseconds: Int32) -> Int32 {
    var request = pollfd(fd: descriptor.rawValue, events: Int16(events), revents: 0)
    return Glibc.poll(&request, 1, milliseconds) > 0 ? Int32(request.revents) : 0
  }
}
