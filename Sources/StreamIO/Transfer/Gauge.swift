public import Synchronization

/// How far the stream is and who is waited for, for whoever looks from another thread. Written by
/// plain stores, as it is for every request.
public final class Gauge: Sendable {
  /// Who is waited for.
  public enum Waiting: UInt8, AtomicRepresentable, Sendable {
    /// Nobody: a request is being worked on.
    case nobody
    /// A client, to send a request.
    case client
    /// Whoever is at the other end of the stream.
    case otherEnd
  }

  /// Bytes of the disk that were received, or that were handed on to be sent.
  public let position = Atomic<UInt64>(0)
  /// Bytes of output that were sent: of a disk that is sent as it is, the same.
  public let output = Atomic<UInt64>(0)
  /// Who is waited for at this moment.
  public let waiting = Atomic<Waiting>(.client)

  /// Stands at 0.
  public init() {}
}
