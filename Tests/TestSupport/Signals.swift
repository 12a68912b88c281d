import Glibc

/// Unblocks all signals for this thread: those that tests run on block them.
package func letSignalsIn() {
  var none = sigset_t()
  sigemptyset(&none)
  pthread_sigmask(SIG_SETMASK, &none, nil)
}

/// Does something that sets handlers for `SIGTERM` and `SIGINT`, and sets the old ones again.
package func keepingSignalHandlers<Result>(_ body: () throws -> Result) rethrows -> Result {
  var old: [(number: Int32, action: sigaction)] = []
  for number in [SIGTERM, SIGINT] {
    var action = sigaction()
    sigaction(number, nil, &action)
    old.append((number, action))
  }
  defer {
    for (number, action) in old {
      var action = action
      sigaction(number, &action, nil)
    }
  }
  return try body()
}
