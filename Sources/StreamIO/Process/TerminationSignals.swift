import CLinux
import Glibc

/// SIGTERM and its like, where the server does not look at them yet or any longer.
public enum TerminationSignals {
  /// Holds back in this thread, the only one, what would end the process before the server has handlers,
  /// and would leave behind what was made. Up to ``release()``, or until a process is forked, in the one
  /// that forks: that is not the one that serves, and passes the signals on to it from then on.
  public static func hold() {
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGTERM, SIGINT, SIGHUP, SIGQUIT] { sigaddset(&signals, number) }
    var before = sigset_t()
    guard pthread_sigmask(SIG_BLOCK, &signals, &before) == 0 else { return }
    maskBefore = before
    // First: the signals are let come when there is a handler for them.
    _ = clinux_prepare_waiting()
    pthread_atfork(nil, { TerminationSignals.release() }, nil)
  }

  /// Lets come what was held back, if anything was.
  public static func release() {
    guard var before = maskBefore else { return }
    maskBefore = nil
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }

  /// Takes note of what comes from now on, before the server does. Once, in the process that serves, when
  /// the server has its handlers. If the process that was started waits for this one's end, its own end
  /// is a SIGTERM here.
  public static func watch() {
    _ = clinux_watch_termination(ServerArguments.runACommand ? 1 : 0)
  }

  /// Asks the server something that it answers aloud once it has been told to stop, which must not wait.
  ///
  /// - Returns: Whether the answer was not 0, and no signal has come.
  public static func ask(_ question: @convention(c) () -> Int32) -> Bool {
    clinux_ask_server(question) != 0
  }

  /// Waits so many milliseconds, or until one comes.
  public static func wait(_ milliseconds: Int) {
    var request = pollfd(
      fd: clinux_termination_descriptor(), events: Int16(POLLIN), revents: 0)
    poll(&request, 1, Int32(clamping: milliseconds))
  }

  /// Starts counting at 0; the signals do nothing else from now on.
  ///
  /// - Parameter excused: A process whose signals don't count, if any.
  public static func `catch`(except excused: Int32?) {
    _ = clinux_catch_termination(excused ?? 0)
  }

  /// Whether one came since.
  public static var wereSent: Bool { clinux_terminations() > 0 }
}

/// What was blocked before ``TerminationSignals/hold()``. Written before there is a second thread.
nonisolated(unsafe) private var maskBefore: sigset_t?
