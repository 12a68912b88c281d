import CZstd
import StreamCore

/// Decodes whole zstd frames on threads of its own, before their turn comes.
///
/// A frame that is given is copied, so that the caller need not keep it. Frames come back in the
/// order in which they were given. All calls come from one thread, that of the decoder.
final class FramesAhead: @unchecked Sendable {
  /// A frame and what it decodes to.
  private final class Slot: @unchecked Sendable {
    let input: Memory
    let output: Memory
    var place: UInt64 = 0
    var count = 0
    var result: Result<Int, ZstdContext.Refusal> = .success(0)

    init(input: Memory, output: Memory) {
      self.input = input
      self.output = output
    }
  }

  /// The most bytes that a frame may decode to; the encoder's frames decode to as many.
  static let largest = Compression.zstd.blockSize
  /// The most bytes that such a frame takes itself.
  private static let largestFrame = ZSTD_compressBound(largest) + 64

  private let contexts: [ZstdContext]
  private let slots: [Slot]
  private let workers: Workers
  private var isRunning = false
  /// How many frames were ever given, and ever taken back.
  private var given = 0
  private var taken = 0

  /// Takes all memory except what threads need for themselves.
  init(threads: Int) throws(TransferError) {
    var contexts: [ZstdContext] = []
    for _ in 0..<threads { contexts.append(try ZstdContext()) }
    var slots: [Slot] = []
    for _ in 0...threads {
      guard let input = Memory(count: Self.largestFrame), let output = Memory(count: Self.largest)
      else { throw noMemory(for: "decoding") }
      slots.append(Slot(input: input, output: output))
    }
    self.contexts = contexts
    self.slots = slots
    workers = Workers(slots: slots.count)
  }

  deinit { stop() }

  /// Starts the threads. No frame can be given before.
  func start() throws(TransferError) {
    isRunning = workers.start(contexts.count) { [contexts, slots] worker, index in
      let slot = slots[index]
      let frame = UnsafeRawBufferPointer(rebasing: slot.input.bytes[..<slot.count])
      do throws(ZstdContext.Refusal) {
        slot.result = .success(try contexts[worker].decode(frame: frame, into: slot.output.bytes))
      } catch {
        slot.result = .failure(error)
      }
    }
    guard isRunning else { throw noMemory(for: "\(contexts.count) threads that decode") }
  }

  /// Ends the threads.
  func stop() {
    isRunning = false
    workers.stop()
  }

  /// Whether one more frame can be given.
  var hasRoom: Bool { isRunning && given - taken < slots.count }

  /// The place of the frame that is to be taken back next, if one was given.
  var place: UInt64? { isRunning && taken < given ? slots[taken % slots.count].place : nil }

  /// Whether a frame can be decoded here.
  static func takes(_ frame: ZstdFrameAhead) -> Bool {
    guard case .data(hasZeroBlocks: false) = frame.kind, let content = frame.content else {
      return false
    }
    return content <= UInt64(largest) && frame.range.count <= largestFrame
  }

  /// Gives a frame that is there as a whole and stands at `place`. There must be room.
  func give(_ frame: UnsafeRawBufferPointer, at place: UInt64) {
    let slot = slots[given % slots.count]
    slot.input.bytes.copyMemory(from: frame)
    (slot.place, slot.count) = (place, frame.count)
    given += 1
    workers.give()
  }

  /// Takes the oldest frame back once it is decoded, after waiting for at most this many
  /// milliseconds.
  ///
  /// - Returns: What it decodes to, valid until the next one is given; `nil` if it is not decoded
  ///   yet.
  func take(waiting milliseconds: Int) -> Result<UnsafeRawBufferPointer, ZstdContext.Refusal>? {
    let index = taken % slots.count
    guard workers.isDone(index, waiting: milliseconds) else { return nil }
    taken += 1
    return slots[index].result.map { count in
      UnsafeRawBufferPointer(rebasing: slots[index].output.bytes[..<count])
    }
  }
}
