/// How long a wait may last: asked again and again while something is waited for.
public struct Patience: Sendable {
  /// Sleeps for so many milliseconds, or less; 0 only asks. Returns whether to wait on: false once
  /// the server stops or the client has gone.
  public let pause: @Sendable (_ milliseconds: Int) -> Bool

  /// Tells the user, in one line, what is waited for.
  public let announce: @Sendable (String) -> Void

  /// Takes both from whoever knows the server.
  public init(
    pause: @escaping @Sendable (_ milliseconds: Int) -> Bool,
    announce: @escaping @Sendable (String) -> Void
  ) {
    self.pause = pause
    self.announce = announce
  }
}
