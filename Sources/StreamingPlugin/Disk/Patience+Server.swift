import Glibc
import NBDKit
import StreamIO

extension Patience {
  /// Lasts as long as the server runs and the client at hand is there. The server prints a line of
  /// its own if its sleep finds that either is not so, so it is not asked once a signal has come.
  static let whileServing = Patience(
    pause: { milliseconds in
      if milliseconds > 0 { TerminationSignals.wait(milliseconds) }
      return TerminationSignals.ask { (try? Server.sleep(for: .zero)) == nil ? 0 : 1 }
    },
    announce: Server.error)

  /// For the end, when the server does not wait for anything any more: lasts until one more SIGTERM
  /// or SIGINT. The server's own sleep fails at once then.
  static let whileEnding = Patience(
    pause: { milliseconds in
      if !TerminationSignals.wereSent { usleep(UInt32(milliseconds) * 1000) }
      return !TerminationSignals.wereSent
    },
    announce: Server.error)

  /// The same, but for no longer than this many seconds.
  static func whileEnding(for seconds: Double) -> Patience {
    let deadline = Instant.now.seconds + seconds
    return Patience(
      pause: { whileEnding.pause($0) && Instant.now.seconds < deadline },
      announce: whileEnding.announce)
  }
}
