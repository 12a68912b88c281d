import Glibc
import NBDKit
import StreamIO

extension Patience {
  /// As long as the server runs and the client at hand is there.
  static let whileServing = Patience(
    pause: { milliseconds in
      (try? Server.sleep(for: .milliseconds(milliseconds))) != nil
    },
    announce: Server.error)

  /// At the end, when the server waits for nothing any more: until one more SIGTERM or SIGINT. The
  /// server's own sleep fails at once then.
  static let whileEnding = Patience(
    pause: { milliseconds in
      if !TerminationSignals.wereSent { usleep(UInt32(milliseconds) * 1000) }
      return !TerminationSignals.wereSent
    },
    announce: Server.error)

  /// The same, but not longer than so many seconds.
  static func whileEnding(for seconds: Double) -> Patience {
    let deadline = Instant.now.seconds + seconds
    return Patience(
      pause: { whileEnding.pause($0) && Instant.now.seconds < deadline },
      announce: whileEnding.announce)
  }
}
