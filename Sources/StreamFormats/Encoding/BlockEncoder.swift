import StreamCore

/// Cuts the disk into blocks and runs of zeroes, lets workers compress the blocks, and puts the
/// results in the disk's order.
///
///     disk     ... run | block | run | block | block |      run      | open block | zeroes
///     output   sent    | piece, of the oldest         |              |            |
///
/// Blocks are in a ring of slots, each with the run before it. *Zeroes* have just been accepted: if
/// there are few, they go into the open block when data follows; if there are many, they end it and
/// become a run.
///
/// It is used by one thread. The workers have the slots that were given to them and not yet seen to
/// be done.
final class BlockEncoder: @unchecked Sendable {
  /// A block, what it is made into, and the run before it.
  final class Slot: @unchecked Sendable {
    let input: Memory
    let output: Memory
    var count = 0
    var run: UInt64 = 0
    var result = BlockResult.piece(start: 0, count: 0)

    init(input: Memory, output: Memory) {
      self.input = input
      self.output = output
    }
  }

  let format: any BlockFormat
  private let threads: Int
  let workers: Workers
  let slots: [Slot]
  /// How many threads compress by now, and the number of the block that lies in slot 0.
  private var threadsInUse: Int
  private var base: UInt64 = 0

  /// How many slots were ever given to the workers, and ever sent. The open block is in the slot
  /// after the last one given, if that is free.
  private(set) var given: UInt64 = 0
  var sent: UInt64 = 0
  private var filled = 0
  /// Bytes of the disk in blocks and runs so far.
  private var accepted: UInt64 = 0
  /// Zeroes between the last block given and the open one.
  var run: UInt64 = 0
  /// Zeroes after everything else. They are not a run yet; there are more than none only after a
  /// block or a run.
  private(set) var zeroes: UInt64 = 0
  private(set) var isClosed = false

  /// Bytes to hand on, with the tail before them.
  var outgoing = UnsafeRawBufferPointer(start: nil, count: 0)
  /// Whether these bytes hold the end of one piece and the start of the next, yet to be handed on.
  var crossesBorder = false
  /// What was loaded into `outgoing`, to be counted when it has been handed on.
  var loaded: (output: Int, disk: UInt64, isBlock: Bool)?
  let tail: Memory
  var tailCount = 0
  var isHeaderLoaded = false
  var isTrailerLoaded = false

  var output: UInt64 = 0
  var disk: UInt64 = 0
  var log = DeliveryLog()

  /// What made every later call fail, if anything did.
  var failure: TransferError?

  /// Takes all memory except what threads need for themselves: one block more than twice as many as
  /// there are threads, so that no thread waits for the one that fills and sends.
  ///
  /// - Parameter grows: Whether one thread is in use at first, and more by ``grow(if:)``. The
  ///   memory of the blocks for the others is not touched before.
  init(format: any BlockFormat, threads: Int, grows: Bool = false) throws(TransferError) {
    guard let tail = Memory(count: format.headroom) else { throw noMemory(for: "a block") }
    self.tail = tail
    self.format = format
    self.threads = threads
    threadsInUse = grows ? 1 : threads
    var slots: [Slot] = []
    for _ in 0..<Self.slots(for: threads) {
      guard let input = Memory(count: format.blockSize),
        let output = Memory(count: format.headroom + format.mostOutput)
      else {
        throw noMemory(
          for: "\(Self.slots(for: threads)) blocks of \(format.blockSize >> 20) MiB to compress")
      }
      slots.append(Slot(input: input, output: output))
    }
    self.slots = slots
    workers = Workers(slots: slots.count)
    use(threadsInUse)
  }

  private static func slots(for threads: Int) -> Int { 2 * threads + 1 }

  private func use(_ threads: Int) {
    threadsInUse = threads
    base = sent
    workers.use(slots: Self.slots(for: threads), threads: threads, from: base)
  }

  /// Takes one more thread into use, if there is one, and a block that is still being compressed is
  /// what all wait for.
  ///
  /// - Parameter isWorthIt: Asked then. Threads that no processor is free for only take memory.
  func grow(if isWorthIt: () -> Bool) {
    // In slot 0, so that no block has to move.
    guard threadsInUse < threads, !hasRoom, index(sent) == 0, !workers.isDone(0), isWorthIt() else {
      return
    }
    use(threadsInUse + 1)
  }

  deinit { workers.stop() }

  /// Starts the threads.
  func start() throws(TransferError) {
    try format.prepare()
    let started = workers.start(threads) { [format, slots] worker, index in
      let slot = slots[index]
      slot.result = format.compress(
        UnsafeRawBufferPointer(rebasing: slot.input.bytes[..<slot.count]), worker: worker,
        into: UnsafeMutableRawBufferPointer(rebasing: slot.output.bytes[format.headroom...]))
    }
    guard started else { throw noMemory(for: "\(threads) threads that compress") }
  }

  /// Ends the threads.
  func stop() { workers.stop() }

  // MARK: The disk's bytes

  /// Whether there is a slot for an open block.
  var hasRoom: Bool { given - sent < UInt64(Self.slots(for: threadsInUse)) }

  func index(_ slot: UInt64) -> Int {
    Int((slot - base) % UInt64(Self.slots(for: threadsInUse)))
  }

  /// Accepts zeroes. This needs no room.
  func accept(zeroes count: UInt64) {
    zeroes += count
    guard zeroes >= format.shortestRun || (filled == 0 && run > 0) else { return }
    fillGrain()
    giveBlock()
    run += zeroes
    accepted += zeroes
    zeroes = 0
  }

  /// Lets the open block end at a border of the format.
  private func fillGrain() {
    let beyond = UInt64(filled) % format.grain
    if beyond > 0 { writeZeroes(atMost: format.grain - beyond) }
  }

  /// Returns to the zeroes the part of a run that has to go into blocks before data, or the end,
  /// may follow.
  func settle() {
    guard filled == 0, run > 0 else { return }
    let rest = run % format.runGranularity
    run -= rest
    accepted -= rest
    zeroes += rest
  }

  /// Moves zeroes into the open block as far as it has room. There must be a slot.
  func writeZeroes(atMost most: UInt64 = .max) {
    let count = Int(min(zeroes, most, UInt64(capacity - filled)))
    rest.baseAddress?.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    zeroes -= UInt64(count)
    advance(count)
  }

  /// Accepts data, and returns how much of it. There must be a slot, and no zeroes before.
  func accept(_ bytes: UnsafeRawBufferPointer) -> Int {
    let count = min(bytes.count, capacity - filled)
    rest.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    advance(count)
    return count
  }

  private var rest: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: slots[index(given)].input.bytes[filled...])
  }

  /// How long the open block may get.
  private var capacity: Int {
    guard format.isAligned else { return format.blockSize }
    let start = accepted - UInt64(filled)
    return format.blockSize - Int(start % UInt64(format.blockSize))
  }

  private func advance(_ count: Int) {
    let capacity = capacity
    filled += count
    accepted += UInt64(count)
    if filled == capacity { giveBlock() }
  }

  /// Ends the open block, if there is one.
  private func giveBlock() {
    guard filled > 0 else { return }
    give()
  }

  private func give() {
    let slot = slots[index(given)]
    (slot.count, slot.run) = (filled, run)
    (filled, run) = (0, 0)
    given += 1
    workers.give()
  }

  /// Ends the last block; no more is accepted. There must be a slot, and no zeroes. An empty disk
  /// becomes an empty block.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    if filled > 0 || (given == 0 && run == 0 && disk == 0) { give() }
  }
}
