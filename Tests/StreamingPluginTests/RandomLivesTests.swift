import CFakeNBDKit
import Glibc
import NBDKitTestKit
import TestSupport
import Testing

@testable import StreamingPlugin

/// Clients that come, write in any order and die at any request, against an oracle that knows what
/// each was told. 2,000 lives, or as many as `LIVES` says; `SEED=number` begins with that life.
@Suite("Whatever becomes of its clients", .exclusiveServer, .timeLimit(.minutes(60)))
struct RandomLivesTests {
  @Test("a stream is complete only if every byte was acknowledged, and holds the newest of each")
  func lives() throws {
    let first =
      getenv("SEED").flatMap { UInt64(String(cString: $0)) } ?? .random(in: 1..<1_000_000_000)
    let count = getenv("LIVES").flatMap { UInt64(String(cString: $0)) } ?? 2_000
    let directory = try TemporaryDirectory()
    var outcomes: [String: Int] = [:]
    for seed in first..<first + count {
      var life = Life(seed: seed)
      let problem = try life.live(in: directory)
      outcomes[life.outcome, default: 0] += 1
      guard problem == nil else {
        Issue.record("SEED=\(seed): \(problem ?? "")")
        return
      }
    }
    // Otherwise nothing was shown.
    for outcome in ["complete", "short", "failed", "unknown"] {
      #expect(outcomes[outcome, default: 0] > Int(count) / 100, "\(outcomes)")
    }
  }
}

/// One stream from its start to its report.
private struct Life {
  private var random: Dice
  private(set) var outcome = ""

  // What the oracle knows.
  private var disk: [UInt8] = []
  private var isWritten: [Bool] = []
  private var lastChanger: Int?
  private var isFlushed = false
  private var refused = 0
  private var areAllClosed = true

  init(seed: UInt64) { random = Dice(state: seed) }

  /// - Returns: What was wrong, if anything.
  mutating func live(in directory: TemporaryDirectory) throws -> String? {
    fake_reset()
    let size = random.pick([8192, 12_288, 65_536])
    let reorder = random.pick([0, 4096, size])
    let rewind = random.pick([0, 0, 4096, size])
    let pads = random.once(in: 4)
    disk = [UInt8](repeating: 0, count: size)
    isWritten = [Bool](repeating: false, count: size / 512)
    let served = try Served(
      ["size": "\(size)", "reorder": "\(reorder)", "rewind": "\(rewind)", "pad": "\(pads)"],
      in: directory)
    let requests = plan(of: size)

    var clients: [FakeClient] = []
    // Without a reader a request waits, and ends when its client goes.
    if random.once(in: 5) {
      clients.append(try open(served))
      fake_set_stopping(1)
      for _ in 0...random.below(2) { perform(requests[random.below(requests.count)], clients, 0) }
      fake_set_stopping(0)
    }
    let reader = try served.reader()
    for request in requests {
      if clients.isEmpty || random.once(in: 10) && clients.count < 3 {
        guard let client = try? open(served) else { break }
        clients.append(client)
      }
      perform(
        request, clients, random.once(in: 5) ? random.below(clients.count) : clients.count - 1)
    }
    for (number, client) in clients.enumerated() {
      if !random.once(in: 3) { perform(.flush, clients, number) }
      if random.once(in: 4) { areAllClosed = false } else { client.close() }
    }
    let report = try served.report()
    outcome = report.outcome
    return problem(
      report, try reader.bytes(), pads: pads, needsFlush: rewind > 0, hasRoom: reorder == size)
  }

  private enum Request {
    case write(Range<Int>, UInt8)
    case zero(Range<Int>)
    case flush
  }

  /// All of the disk in some order; then a part left out, something repeated, and the end cut off.
  private mutating func plan(of size: Int) -> [Request] {
    var requests: [Request] = []
    var offset = 0
    while offset < size {
      let end = min(size, offset + 512 * (1 + random.below(size / 2048)))
      requests.append(request(offset..<end))
      offset = end
    }
    if random.once(in: 3) { requests.shuffle(using: &random) }
    if random.once(in: 3) { requests.remove(at: random.below(requests.count)) }
    if random.once(in: 3) {
      let start = 512 * random.below(size / 512)
      requests.insert(
        request(start..<min(size, start + 512 * (1 + random.below(8)))),
        at: random.below(requests.count + 1))
    }
    if random.once(in: 3) { requests.insert(.flush, at: random.below(requests.count + 1)) }
    if random.once(in: 3) { requests.removeLast(random.below(requests.count)) }
    return requests.isEmpty ? [.flush] : requests
  }

  private mutating func request(_ range: Range<Int>) -> Request {
    random.once(in: 4) ? .zero(range) : .write(range, UInt8(1 + random.below(255)))
  }

  /// Whose process lives, has ended, or is not known.
  private mutating func open(_ served: Served) throws -> FakeClient {
    fake_set_peer_pid(random.pick([Int64(getpid()), 1 << 22 + 1, -1]))
    return try served.server.open()
  }

  private mutating func perform(_ request: Request, _ clients: [FakeClient], _ number: Int) {
    let client = clients[number]
    do {
      switch request {
      case .write(let range, let byte):
        // Not known from here to the answer.
        note(range, isWritten: false)
        try client.write([UInt8](repeating: byte, count: range.count), at: UInt64(range.lowerBound))
        for offset in range { disk[offset] = byte }
        note(range, isWritten: true)
        (lastChanger, isFlushed) = (number, false)
      case .zero(let range):
        note(range, isWritten: false)
        try client.zero(UInt32(range.count), at: UInt64(range.lowerBound))
        for offset in range { disk[offset] = 0 }
        note(range, isWritten: true)
        (lastChanger, isFlushed) = (number, false)
      case .flush:
        try client.flush()
        if lastChanger == number { isFlushed = true }
      }
    } catch {
      refused += 1
    }
  }

  private mutating func note(_ range: Range<Int>, isWritten written: Bool) {
    for block in range.lowerBound / 512..<range.upperBound / 512 { isWritten[block] = written }
  }

  private func problem(
    _ report: Ended, _ stream: [UInt8], pads: Bool, needsFlush: Bool, hasRoom: Bool
  ) -> String? {
    let isWhole = isWritten.allSatisfy { $0 }
    let isPadded = pads && lastChanger != nil && isFlushed && refused == 0 && areAllClosed
    guard report.outcome == "complete" else {
      let isSure =
        isWhole && refused == 0 && (!needsFlush || isFlushed) && hasRoom
      return isSure ? "all was acknowledged, but it is \(report)" : nil
    }
    if !isWhole, !isPadded { return "complete with a byte that was not acknowledged" }
    if needsFlush, !isFlushed { return "complete without a flush" }
    if stream.count != disk.count { return "complete with \(stream.count) of \(disk.count) bytes" }
    // Where zeroes were added the oracle's disk has them too.
    return stream == disk ? nil : "complete with other bytes than were acknowledged"
  }
}

/// SplitMix64: the same throws for the same seed.
private struct Dice: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<max(limit, 1), using: &self) }
  mutating func once(in count: Int) -> Bool { below(count) == 0 }
  mutating func pick<Item>(_ items: [Item]) -> Item { items[below(items.count)] }
}
