import CLinux

/// SIGTERM and SIGINT, where the server does not look at them any longer.
public enum TerminationSignals {
  /// Starts counting at 0; the signals do nothing else from now on.
  public static func `catch`() {
    _ = clinux_catch_termination()
  }

  /// Whether one came since.
  public static var wereSent: Bool { clinux_terminations() > 0 }
}
