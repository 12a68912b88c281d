import Dispatch
import Glibc
import StreamCore
import StreamIO
import Synchronization
import TestSupport
import Testing

@Suite("Signals that interrupt system calls change nothing", .timeLimit(.minutes(10)))
struct SignalTests {
  @Test("All arrives", arguments: Line.Kind.allCases, [false, true])
  func delivery(kind: Line.Kind, staysBlocking: Bool) throws {
    try #require(handleUserSignal())
    let line = try Line(kind)
    let sink = try staysBlocking && kind == .pipe ? line.blockingSink() : line.sink()
    let bytes = pattern(3 << 20)
    let sending = Sending(bytes, over: sink)
    var received: [UInt8] = []
    while received.count < bytes.count, sending.isUnderWay {
      received += try line.reading.take(20_000)
      sending.interrupt()
    }
    #expect(try sending.position() == UInt64(bytes.count))
    received += try line.reading.take()
    expectSame(received, bytes)
  }

  /// A handler that lets system calls end with `EINTR`.
  private func handleUserSignal() -> Bool {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    return sigaction(SIGUSR1, &action, nil) == 0
  }
}

/// A thread that sends, and stays until nobody can send it a signal any more.
private final class Sending: Sendable {
  private struct State {
    var thread: pthread_t?
    var result: Result<UInt64, any Error>?
  }

  private let state = Mutex(State())
  private let ended = DispatchSemaphore(value: 0)

  init(_ bytes: [UInt8], over sink: DescriptorSink) {
    DispatchQueue(label: "sending").async { [self] in
      letSignalsIn()
      state.withLock { $0.thread = pthread_self() }
      var sink = sink
      var position: UInt64 = 0
      let result = Result {
        try sink.send(bytes.span.bytes, advancing: &position)
        return position
      }
      state.withLock { state in
        state.thread = nil
        state.result = result
      }
      ended.signal()
    }
  }

  var isUnderWay: Bool { state.withLock { $0.result == nil } }

  func interrupt() {
    state.withLock { state in
      if let thread = state.thread { pthread_kill(thread, SIGUSR1) }
    }
  }

  func position() throws -> UInt64 {
    ended.wait()
    return try state.withLock { try $0.result?.get() ?? 0 }
  }
}
