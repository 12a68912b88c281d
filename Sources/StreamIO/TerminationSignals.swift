import CLinux

/// SIGTERM and SIGINT, where the server does not look at them any longer.
public enum TerminationSignals {
  /// Starts counting at 0; the signals do nothing else from now on.
  ///
  /// - Parameter excused: A process whose signals don't count, if any.
  public static func `catch`(except excused: Int32?) {
    _ = clinux_catch_termination(excused ?? 0)
  }

  /// Whether one came since.
  public static var wereSent: Bool { clinux_terminations() > 0 }
}
