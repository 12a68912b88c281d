public import Synchronization

/// How far the stream is and who is waited for, for a thread that looks on. It is written by plain
/// stores, as it is written for every request.
public final class Gauge: Sendable {
  /// Who is waited for.
  public enum Waiting: UInt8, AtomicRepresentable, Sendable {
    /// Nobody: a request is being worked on.
    case nobody
    /// A client, to send a request.
    case client
    /// The other end of the stream.
    case otherEnd
  }

  /// Bytes of the disk that were received, or that were handed on to be sent.
  public let position = Atomic<UInt64>(0)
  /// Bytes of output that were sent; the same as the position if a disk is sent as it is.
  public let output = Atomic<UInt64>(0)
  /// Who is waited for at this moment.
  public let waiting = Atomic<Waiting>(.client)

  /// Makes a gauge that stands at 0.
  public init() {}
}
