import StreamCore
import Synchronization

/// A sink that remembers what came, and refuses from an offset on, if asked to.
struct Recorder: StreamSink {
  final class Tape: Sendable {
    struct State {
      var bytes: [UInt8] = []
      /// Where each call that sent something ended.
      var ends: [Int] = []
      var flushes = 0
      var finishes = 0
      /// What to throw once so many bytes have come.
      var refusal: (offset: Int, error: TransferError)?
      /// Whether the refusal is over after it was thrown.
      var refusesOnce = false
    }
    let state = Mutex(State())
    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var finishes: Int { state.withLock { $0.finishes } }
    var ends: [Int] { state.withLock { $0.ends } }
  }

  let tape = Tape()
  var outputOffset: UInt64 { UInt64(tape.state.withLock { $0.bytes.count }) }

  func waitForReader() {}
  func checkDelivery() {}
  func flush() { tape.state.withLock { $0.flushes += 1 } }
  func finish() { tape.state.withLock { $0.finishes += 1 } }
  func delivered(unread: UInt64, of position: UInt64) -> UInt64 { position - unread }

  func send(_ bytes: RawSpan, advancing position: inout UInt64) throws(TransferError) {
    let error = tape.state.withLock { state -> TransferError? in
      let room = state.refusal.map { max($0.offset - state.bytes.count, 0) } ?? Int.max
      let count = min(room, bytes.byteCount)
      bytes.withUnsafeBytes { state.bytes += $0[..<count] }
      position += UInt64(count)
      if count > 0 { state.ends.append(state.bytes.count) }
      guard count < bytes.byteCount, let refusal = state.refusal else { return nil }
      if state.refusesOnce { state.refusal = nil }
      return refusal.error
    }
    if let error { throw error }
  }

  func sendZeroes(_ count: UInt64, advancing position: inout UInt64) throws(TransferError) {
    let zeroes = [UInt8](repeating: 0, count: Int(count))
    try send(zeroes.span.bytes, advancing: &position)
  }
}
