import Glibc
import StreamIO
import Synchronization

/// What there is once in a process, however many disks it serves: its signals, and who sends them.
final class ServerProcess: Sendable {
  /// The process that nbdkit was started as.
  private let startedAs = Atomic<pid_t>(0)

  /// Holds back, until ``serve()``, the signals that would leave behind what is made from now on.
  func prepare() {
    TerminationSignals.hold()
    startedAs.store(getpid(), ordering: .relaxed)
  }

  /// Lets come what was held back: nothing was made.
  func release() {
    TerminationSignals.release()
  }

  /// The server has handlers of its own now: notes from now on which signals come.
  func serve() {
    TerminationSignals.watch()
    TerminationSignals.release()
  }

  /// From now on the next signal ends a wait: the one that ended the server has come before.
  func end() {
    TerminationSignals.catch(except: waitingParent)
  }

  /// Under `--run` the process that waits for the command, our parent. It ends us by SIGTERM when the
  /// command has ended, which is no impatience where we end already by ourselves.
  private var waitingParent: pid_t? {
    let startedAs = startedAs.load(ordering: .relaxed)
    return startedAs != getpid() && startedAs == getppid() ? startedAs : nil
  }
}
