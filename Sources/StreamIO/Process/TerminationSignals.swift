import CLinux
import Glibc

/// SIGTERM and the like, while the server does not look at them yet, or does not any longer.
public enum TerminationSignals {
  /// Holds back in this thread, the only one, the signals that would end the process before the
  /// server has handlers, and would leave behind what was made. This lasts until ``release()``. If
  /// a process is forked, it also ends in the process that forks: that is not the one that serves,
  /// and from then on it passes the signals on to the one that does.
  public static func hold() {
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGTERM, SIGINT, SIGHUP, SIGQUIT] { sigaddset(&signals, number) }
    var before = sigset_t()
    guard pthread_sigmask(SIG_BLOCK, &signals, &before) == 0 else { return }
    maskBefore = before
    // This comes first: a handler must be there before the signals are let through.
    _ = clinux_prepare_waiting()
    pthread_atfork(nil, { TerminationSignals.release() }, nil)
  }

  /// Lets the signals through that were held back, if there were any.
  public static func release() {
    guard var before = maskBefore else { return }
    maskBefore = nil
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }

  /// Takes note, before the server does, of the signals that come from now on. It is called once,
  /// in the process that serves, when the server has its handlers. If the process that was started
  /// waits for the end of this one, its own end is a SIGTERM here.
  public static func watch() {
    _ = clinux_watch_termination(ServerArguments.runACommand ? 1 : 0)
  }

  /// Asks the server a question that must not wait, and that the server answers with a printed line
  /// once it has been told to stop.
  ///
  /// - Returns: Whether the answer was not 0, and no signal has come.
  public static func ask(_ question: @convention(c) () -> Int32) -> Bool {
    clinux_ask_server(question) != 0
  }

  /// Waits for this many milliseconds, or until a signal comes.
  public static func wait(_ milliseconds: Int) {
    var request = pollfd(
      fd: clinux_termination_descriptor(), events: Int16(POLLIN), revents: 0)
    poll(&request, 1, Int32(clamping: milliseconds))
  }

  /// Starts counting at 0; SIGTERM and SIGINT do nothing else from now on.
  ///
  /// - Parameter excused: A process whose signals don't count, if any.
  public static func `catch`(except excused: Int32?) {
    _ = clinux_catch_termination(excused ?? 0)
  }

  /// Whether a signal came since then.
  public static var wereSent: Bool { clinux_terminations() > 0 }
}

/// The signals that were blocked before ``TerminationSignals/hold()``. Written before there is a
/// second thread.
nonisolated(unsafe) private var maskBefore: sigset_t?
