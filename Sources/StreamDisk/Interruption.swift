internal import Glibc
internal import Synchronization
internal import SystemPackage

/// Ends the command on SIGINT, SIGTERM, SIGHUP or SIGQUIT: every program that runs for it is told
/// to end, and what was made is removed on the way back.
///
/// When everything is copied, what is still on its way to a reader has no client any more that
/// could send it again. So from then on a first SIGTERM, which is how services are stopped, only
/// waits for it to arrive.
final class Interruption: Sendable {
  static let shared = Interruption()

  private struct State {
    var number: Int32?
    var isCopied = false
    var mustCleanUp = false
    var hasWaited = false
    var children: [Child] = []
  }

  private let state = Mutex(State())

  /// Begins to catch signals, except those that were ignored from the start (by nohup).
  func begin() {
    guard let ends = try? Pipe() else { return }
    interruptionPipe = (ends.reading.rawValue, ends.writing.rawValue)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
      var action = sigaction()
      sigaction(number, nil, &action)
      guard unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) != 1 else {
        continue
      }
      signal(number) { number in
        let saved = errno
        var byte = UInt8(truncatingIfNeeded: number)
        _ = Glibc.write(interruptionPipe.1, &byte, 1)
        errno = saved
      }
    }
    onThread {
      var byte: UInt8 = 0
      while true {
        let count = Glibc.read(interruptionPipe.0, &byte, 1)
        if count == 1 { Interruption.shared.handle(Int32(byte)) }
        if count == 0 || count < 0 && errno != EINTR { return }
      }
    }
  }

  private func handle(_ number: Int32) {
    let (children, again) = state.withLock { state -> ([Child], Bool) in
      if !state.mustCleanUp, state.children.isEmpty {
        // Whatever is waited for, such as a FIFO's writer, has no other way to end.
        say("ended by \(name(ofSignal: number))")
        _exit(128 + number)
      }
      if number == SIGTERM, state.isCopied, !state.hasWaited, state.number == nil {
        state.hasWaited = true
        return ([], false)
      }
      let again = state.number != nil
      state.number = state.number ?? number
      return (state.children, again)
    }
    // The newest comes first: a client before its server.
    for child in children.reversed() { child.signal(again ? SIGKILL : SIGTERM) }
    guard !children.isEmpty, !again else { return }
    onThread {
      sleep(15)
      for child in children { child.signal(SIGKILL) }
    }
  }

  /// From now on there may be something to remove before the end.
  func mustCleanUp() { state.withLock { $0.mustCleanUp = true } }

  /// Everything is copied: from now on SIGTERM waits.
  func copied() { state.withLock { $0.isCopied = true } }

  /// Adds a child that the next signal is passed on to.
  func add(_ child: Child) {
    let isLate = state.withLock {
      $0.children.append(child)
      return $0.number != nil
    }
    if isLate { child.signal(SIGTERM) }
  }

  var failure: Failure? {
    state.withLock { $0.number }.map {
      Failure("ended by \(name(ofSignal: $0))", status: .signal($0))
    }
  }

  func check() throws(Failure) {
    if let failure { throw failure }
  }
}

/// Set before the first handler is set.
nonisolated(unsafe) private var interruptionPipe: (Int32, Int32) = (-1, -1)

func name(ofSignal number: Int32) -> String {
  switch number {
  case SIGHUP: "SIGHUP"
  case SIGINT: "SIGINT"
  case SIGQUIT: "SIGQUIT"
  case SIGKILL: "SIGKILL"
  case SIGTERM: "SIGTERM"
  case SIGPIPE: "SIGPIPE"
  case SIGXFSZ: "SIGXFSZ"
  case SIGSEGV: "SIGSEGV"
  case SIGABRT: "SIGABRT"
  default: "signal \(number)"
  }
}
