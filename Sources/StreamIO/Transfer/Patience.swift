/// How long a wait may last: this is asked again and again while something is waited for.
public struct Patience: Sendable {
  /// Sleeps for this many milliseconds, or less; 0 only asks. Returns whether to go on waiting:
  /// false once the server stops or the client has gone.
  public let pause: @Sendable (_ milliseconds: Int) -> Bool

  /// Tells the user, in one line, what is waited for.
  public let announce: @Sendable (String) -> Void

  /// Makes it from two functions that know the server.
  public init(
    pause: @escaping @Sendable (_ milliseconds: Int) -> Bool,
    announce: @escaping @Sendable (String) -> Void
  ) {
    self.pause = pause
    self.announce = announce
  }
}
