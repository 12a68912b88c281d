import Glibc
import StreamCore
import Synchronization
import TestSupport
import Testing

@testable import StreamFormats

@Suite("A failure behind an encoder")
struct EncoderFailureTests {
  private let broken = TransferError.broken(Failure(errno: EPIPE, reason: "the reader has gone"))

  private func whole(_ requests: [Request], _ compression: Compression) throws -> [UInt8] {
    var sink = try smallBlocks(compression)
    var position: UInt64 = 0
    try sink.send(requests, advancing: &position)
    try sink.finish()
    return sink.next.tape.bytes
  }

  private var requests: [Request] {
    var generator = Seeded(state: 9)
    return randomRequests(using: &generator, total: 600_000)
  }

  /// Every offset of interest: near each border, and some more.
  private func offsets(of bytes: [UInt8], _ compression: Compression) -> [Int] {
    let near = Decoders.borders(of: bytes, compression).flatMap {
      [$0 - 9, $0 - 4, $0 - 1, $0, $0 + 1]
    }
    return (near + stride(from: 0, to: bytes.count, by: bytes.count / 30))
      .filter { (0..<bytes.count).contains($0) }
  }

  @Test("is the answer to that request, and to all later ones", arguments: Compression.allCases)
  func surfaces(_ compression: Compression) throws {
    for offset in offsets(of: try whole(requests, compression), compression) {
      var sink = try smallBlocks(compression)
      sink.next.tape.state.withLock { $0.refusal = (offset, broken) }
      var position: UInt64 = 0
      #expect(throws: broken) {
        try sink.send(requests, advancing: &position)
        try sink.finish()
      }
      let atFailure = position
      #expect(throws: broken) { try sink.flush() }
      #expect(throws: broken) { try sink.send(([1] as [UInt8]).span.bytes, advancing: &position) }
      #expect(throws: broken) { try sink.sendZeroes(1, advancing: &position) }
      #expect(throws: broken) { try sink.finish() }
      #expect(throws: broken) { try sink.checkDelivery() }
      #expect(position == atFailure)
      #expect(sink.next.tape.bytes.count == offset)
      #expect(sink.next.tape.finishes == 0)
    }
  }

  @Test(
    "an interrupted request harms nothing: the rest goes on from there",
    arguments: Compression.allCases)
  func interrupted(_ compression: Compression) throws {
    let expected = try whole(requests, compression)
    for offset in offsets(of: expected, compression) {
      var sink = try smallBlocks(compression)
      sink.next.tape.state.withLock {
        $0.refusal = (offset, .interrupted)
        $0.refusesOnce = true
      }
      var position: UInt64 = 0
      var interruptions = 0
      var start: UInt64 = 0
      for request in requests {
        let end = start + UInt64([request].disk.count)
        // The client repeats what was not taken.
        repeat {
          do throws(TransferError) {
            try sink.send([request.dropping(Int(position - start))], advancing: &position)
          } catch {
            #expect(error == .interrupted)
            interruptions += 1
          }
        } while position < end
        start = end
      }
      do throws(TransferError) { try sink.finish() } catch {
        interruptions += 1
        try sink.finish()
      }
      #expect(interruptions == 1)
      expectSame(sink.next.tape.bytes, expected)
    }
  }

  @Test("of the compressor itself is the answer too")
  func compressor() throws {
    var sink = CompressingSink(
      encoder: try BlockEncoder(format: FailingFormat(), threads: 2), next: Recorder())
    try sink.start()
    var position: UInt64 = 0
    #expect(throws: noMemory(for: "this block")) {
      try sink.send([UInt8](repeating: 1, count: 100_000).span.bytes, advancing: &position)
      try sink.flush()
    }
    #expect(throws: noMemory(for: "this block")) { try sink.flush() }
  }

  @Test("a wait for a thread ends when nobody waits for the answer")
  func impatient() throws {
    let format = StuckFormat()
    var sink = CompressingSink(
      encoder: try BlockEncoder(format: format, threads: 1), next: Recorder())
    try sink.start()
    let asked = Mutex(0)
    sink.goOn = {
      asked.withLock {
        $0 += 1
        return $0 < 3
      }
    }
    var position: UInt64 = 0
    #expect(throws: TransferError.interrupted) {
      try sink.send([UInt8](repeating: 1, count: 10 << 16).span.bytes, advancing: &position)
    }
    #expect(asked.withLock { $0 } == 3)
    // Three slots: two blocks wait, one is being compressed.
    #expect(position == 3 << 16)
    format.isStuck.withLock { $0 = false }
    sink.goOn = { true }
    try sink.send([UInt8](repeating: 1, count: 7 << 16).span.bytes, advancing: &position)
    try sink.finish()
    #expect(sink.next.tape.bytes.count == 10)
  }

  @Test("takes memory for one more thread only while a processor is free for that")
  func growing() throws {
    let format = StuckFormat()
    var sink = CompressingSink(
      encoder: try BlockEncoder(format: format, threads: 3, grows: true), next: Recorder())
    try sink.start()
    sink.goOn = { false }
    var position: UInt64 = 0
    let content = [UInt8](repeating: 1, count: 20 << 16)
    func fill() {
      #expect(throws: TransferError.interrupted) {
        try sink.send(content.span.bytes, advancing: &position)
      }
    }
    sink.hasFreeProcessor = { false }
    fill()
    #expect(position == 3 << 16, "two blocks for a thread, and one")
    let answers = Mutex([true, false])
    sink.hasFreeProcessor = { answers.withLock { $0.removeFirst() } }
    fill()
    #expect(position == 5 << 16)
    sink.hasFreeProcessor = { true }
    fill()
    #expect(position == 7 << 16)
    fill()
    #expect(position == 7 << 16, "there are three threads")
    format.isStuck.withLock { $0 = false }
    sink.goOn = { true }
    try sink.finish()
    #expect(sink.next.tape.bytes.count == 7)
  }

  @Test("zeroes that are to begin a block, but had to wait for one, are not forgotten")
  func zeroesThatWait() throws {
    let format = StuckFormat(shortestRun: 64 << 10)
    var sink = CompressingSink(
      encoder: try BlockEncoder(format: format, threads: 1), next: Recorder())
    try sink.start()
    var position: UInt64 = 0
    let block = [UInt8](repeating: 1, count: 64 << 10)
    for _ in 0..<3 { try sink.send(block.span.bytes, advancing: &position) }
    // A run, and a part of the next block, for which there is no slot.
    try sink.sendZeroes(64 << 10 | 100, advancing: &position)
    sink.goOn = { false }
    for _ in 0..<2 {
      #expect(throws: TransferError.interrupted) {
        try sink.send(block.span.bytes, advancing: &position)
      }
    }
    #expect(position == 4 * block.count + 100)
    format.isStuck.withLock { $0 = false }
    sink.goOn = { true }
    try sink.send(block.span.bytes, advancing: &position)
    try sink.finish()
    #expect(position == 5 * block.count + 100)
    #expect(sink.delivered(unread: 0, of: position) == position)
  }
}

extension Request {
  fileprivate func dropping(_ count: Int) -> Request {
    switch self {
    case .data(let bytes): .data(Array(bytes[count...]))
    case .zeroes(let zeroes): .zeroes(zeroes - UInt64(count))
    case .flush: .flush
    }
  }
}

/// Makes a byte of each block, and has no tails.
private class ByteFormat: BlockFormat, @unchecked Sendable {
  let blockSize = 64 << 10
  let mostOutput = 1
  let tailSize = 0
  let shortestRun: UInt64
  var runGranularity: UInt64 { 64 << 10 }
  var longestRunPiece: UInt64 { 64 << 10 }

  init(shortestRun: UInt64 = 1 << 60) { self.shortestRun = shortestRun }

  func prepare() {}
  func compress(
    _ block: UnsafeRawBufferPointer, worker: Int, into output: UnsafeMutableRawBufferPointer
  ) -> BlockResult {
    output[0] = 7
    return .piece(start: 0, count: 1)
  }
  func zeroes(_ count: UInt64) -> UnsafeMutableRawBufferPointer { trailer() }
  func note(disk: UInt64, output: Int) {}
  func trailer() -> UnsafeMutableRawBufferPointer { .init(start: nil, count: 0) }
}

private final class FailingFormat: ByteFormat, @unchecked Sendable {
  override func compress(
    _ block: UnsafeRawBufferPointer, worker: Int, into output: UnsafeMutableRawBufferPointer
  ) -> BlockResult { .failed(noMemory(for: "this block")) }
}

private final class StuckFormat: ByteFormat, @unchecked Sendable {
  let isStuck = Mutex(true)
  override func compress(
    _ block: UnsafeRawBufferPointer, worker: Int, into output: UnsafeMutableRawBufferPointer
  ) -> BlockResult {
    while isStuck.withLock({ $0 }) { usleep(1000) }
    return super.compress(block, worker: worker, into: output)
  }
}
