import Glibc

/// Unblocks all signals for this thread: those that tests run on block them.
func letSignalsIn() {
  var none = sigset_t()
  sigemptyset(&none)
  pthread_sigmask(SIG_SETMASK, &none, nil)
}
