import Glibc
import StreamIO
import Synchronization

/// What exists once in a process, however many disks it serves: its signals, and their senders.
final class ServerProcess: Sendable {
  /// The process that nbdkit was started as.
  private let startedAs = Atomic<pid_t>(0)

  /// Holds back, until ``serve()``, the signals that would leave behind what is made from now on.
  func prepare() {
    TerminationSignals.hold()
    startedAs.store(getpid(), ordering: .relaxed)
  }

  /// Lets the signals through that were held back, as nothing was made.
  func release() {
    TerminationSignals.release()
  }

  /// The server has handlers of its own now: this notes which signals come from now on.
  func serve() {
    TerminationSignals.watch()
    TerminationSignals.release()
  }

  /// From now on the next signal ends a wait: the signal that ended the server has come before.
  func end() {
    TerminationSignals.catch(except: waitingParent)
  }

  /// Under `--run`, the process that waits for the command, which is our parent. It ends us by
  /// SIGTERM when the command has ended, which is not a sign of impatience if we are already ending
  /// by ourselves.
  private var waitingParent: pid_t? {
    let startedAs = startedAs.load(ordering: .relaxed)
    return startedAs != getpid() && startedAs == getppid() ? startedAs : nil
  }
}
