/// Why a sink took no more, or a source gave none.
public enum TransferError: Error, Equatable, Sendable {
  /// The server stops or the client has gone: the wait ended, the stream itself is unharmed.
  case interrupted
  /// Nothing can be sent or received any more, now or later. `errno` is the system's number for the reason.
  case broken(errno: Int32, reason: String)
}
