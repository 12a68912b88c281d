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

  /// Bytes sent or received.
  public let position = Atomic<UInt64>(0)
  /// Who is waited for at this moment.
  public let waiting = Atomic<Waiting>(.client)

  /// Stands at 0.
  public init() {}
}
