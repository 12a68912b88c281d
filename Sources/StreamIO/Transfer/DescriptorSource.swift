import CLinux
import Glibc
public import StreamCore
import SystemPackage

/// Takes the stream from an open descriptor: a pipe, a socket or a character device.
///
/// Nothing here blocks in a system call: each wait is a short one, after which ``Patience`` is
/// asked.
public struct DescriptorSource: StreamSource, Sendable {
  var line: PatientDescriptor
  let kind: OpenEndpoint.Kind
  /// Whether the descriptor had to stay blocking, and so is asked before each call.
  private let staysBlocking: Bool
  /// Where a pipe's bytes are dropped without a copy, if that is possible.
  private var null: FileDescriptor?
  /// Whether a pipe has had a writer: until then it is empty, and not at its end.
  private var hasWriter: Bool

  /// Watches who else opens a FIFO. `isWatching` is whether it has to be told of what comes.
  private let watch: FIFOWatch?
  private var isWatching: Bool

  /// The command that writes the stream, if one was started for it.
  public private(set) var command: Command?

  /// Asked whether to go on waiting.
  public var patience: Patience {
    get { line.patience }
    set { line.patience = newValue }
  }

  /// Takes over `endpoint`, which ``close()`` closes; messages call it `name`.
  ///
  /// - Parameter gauge: Shows the progress to other threads, if wanted.
  public init(_ endpoint: OpenEndpoint, name: String, patience: Patience, gauge: Gauge? = nil) {
    line = PatientDescriptor(
      endpoint.descriptor, name: name, patience: patience, gauge: gauge)
    kind = endpoint.kind
    staysBlocking = endpoint.staysBlocking
    hasWriter = endpoint.hasPeer
    command = endpoint.command
    watch = endpoint.watch
    isWatching = watch != nil
    ParentCopies.forget(endpoint.descriptor)
    guard kind == .pipe else { return }
    _ = PipeCapacity.enlarge(endpoint.descriptor)
    null = try? FileDescriptor.open("/dev/null", .writeOnly, options: .closeOnExec)
  }

  /// Fills `buffer` with what comes, until it is full or the stream ends.
  public mutating func receive(into buffer: inout OutputRawSpan) throws(TransferError) {
    try receive(atLeast: buffer.freeCapacity, into: &buffer)
  }

  /// Fills `buffer` with what is there, and waits only until it has `count` bytes more.
  public mutating func receive(
    atLeast count: Int, into buffer: inout OutputRawSpan
  ) throws(TransferError) {
    let enough = buffer.freeCapacity - count
    while buffer.freeCapacity > enough {
      let count = buffer.withUnsafeMutableBytes { (memory, initialized) in
        let count = read(UnsafeMutableRawBufferPointer(rebasing: memory[initialized...]))
        initialized += max(0, count)
        return count
      }
      guard try goOn(after: count) else { return }
    }
  }

  /// Appends what is there. If the stream has ended, a call that waits for more finds that out.
  public mutating func receiveAvailable(into buffer: inout OutputRawSpan) throws(TransferError) {
    let count = buffer.withUnsafeMutableBytes { (memory, initialized) in
      let count = read(UnsafeMutableRawBufferPointer(rebasing: memory[initialized...]))
      initialized += max(0, count)
      return count
    }
    if count > 0 { _ = try goOn(after: count) }
  }

  /// Drops what comes: a pipe's bytes by `splice(2)`, others by reading them.
  public mutating func drop(
    _ count: UInt64, advancing position: inout UInt64
  ) throws(TransferError) {
    let end = position + count
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
    defer { scratch.deallocate() }
    while position < end {
      let most = Int(clamping: end - position)
      let dropped =
        splice(most)
        ?? read(UnsafeMutableRawBufferPointer(rebasing: scratch.prefix(most)))
      position += UInt64(max(0, dropped))
      guard try goOn(after: dropped) else { return }
    }
  }

  /// Why it is not known that the stream comes from one writer, if so: if several had a FIFO open,
  /// each may have given a part.
  public var doubt: String? { watch?.doubt() }

  /// Asks the patience whether to go on.
  public mutating func ask() throws(TransferError) { try line.ask() }

  /// Closes the descriptor: a process that still writes is told by `EPIPE`.
  public func close() {
    try? null?.close()
    try? line.file.close()
  }

  /// Waits up to `seconds` for the end of a command that has closed its output: if it fails, or
  /// does not end, it is not known whether what it gave was everything.
  private mutating func checkCommand(seconds: Int = 10) throws(TransferError) {
    guard command != nil else { return }
    let deadline = ContinuousClock.now + .seconds(seconds)
    let patience = line.patience
    let limited = Patience(
      pause: { patience.pause($0) && ContinuousClock.now < deadline }, announce: patience.announce)
    guard let status = command?.earlyStatus(limited) else {
      guard ContinuousClock.now >= deadline else { throw .interrupted }
      throw line.broken(
        EIO, "the command closed its output but did not end within \(seconds) seconds after that")
    }
    guard status == 0 else {
      throw line.broken(EIO, "the command failed with exit status \(status)")
    }
  }

  // MARK: System calls

  /// - Returns: The number of bytes, 0 at the end, or -1 with `errno`.
  func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard kind != .socket else {
      return recv(line.file.rawValue, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
    }
    if staysBlocking, line.events(POLLIN) == 0 {
      errno = EAGAIN
      return -1
    }
    return Glibc.read(line.file.rawValue, buffer.baseAddress, buffer.count)
  }

  /// - Returns: As ``read(_:)``, or `nil` if the system has no splice for this.
  private mutating func splice(_ count: Int) -> Int? {
    guard let null else { return nil }
    // More than a pipe holds, but no more than fits a signed 32-bit number.
    let dropped = clinux_splice(line.file.rawValue, null.rawValue, min(count, 1 << 30))
    guard dropped < 0, errno == ENOSYS || errno == EPERM || errno == EINVAL else { return dropped }
    try? null.close()
    self.null = nil
    return nil
  }

  /// Decides what a system call's result means: bytes came, there are none yet, or it is the end.
  ///
  /// - Returns: False at the end.
  mutating func goOn(after count: Int) throws(TransferError) -> Bool {
    guard count <= 0 else {
      hasWriter = true
      if isWatching {
        watch?.look(peerHasMoved: true)
        isWatching = watch?.isSettled == false
      }
      try line.askAfter(count)
      return true
    }
    guard count < 0 else {
      guard !hasWriter else {
        try checkCommand()
        return false
      }
      // A pipe shows a hangup only after there was a writer to hang up, which may have written
      // since.
      switch line.events(POLLIN) & (POLLIN | POLLHUP) {
      case 0: try line.waitForPeer("a writer")
      case POLLHUP: return false
      default: hasWriter = true
      }
      return true
    }
    switch errno {
    case EINTR: try line.ask()
    case EAGAIN, EWOULDBLOCK:
      hasWriter = true
      try line.wait(for: POLLIN)
    case let error: throw line.broken(error)
    }
    return true
  }
}
