import Glibc
import StreamCore
import StreamIO
import Synchronization
import TestSupport
import Testing

@Suite("What is held comes back as it was, in memory and in a spool")
struct SegmentedStoreTests {
  private let directory = try? TemporaryDirectory()

  enum Kind: CaseIterable {
    case memory, spool
  }

  private func medium(_ kind: Kind) throws -> any SegmentMedium {
    switch kind {
    case .memory: AnonymousMemory()
    case .spool: try SpoolFile(in: #require(directory).path, name: "spool=test")
    }
  }

  @Test("whatever is kept, read and given back in between", arguments: Kind.allCases)
  func randomOperations(kind: Kind) throws {
    var store = SegmentedStore(in: try medium(kind))
    var kept: [(start: UInt64, bytes: [UInt8])] = []
    var random = SystemRandomNumberGenerator()
    for step in 0..<400 {
      if kept.count > 20 || (!kept.isEmpty && step % 3 == 0) {
        let old = kept.remove(at: .random(in: 0..<kept.count, using: &random))
        expectSame(try read(store, old.start, old.bytes.count), old.bytes)
        store.discard(old.start..<old.start + UInt64(old.bytes.count))
      } else {
        let count = Int.random(in: 1...(step % 10 == 0 ? 3 << 20 : 5000), using: &random)
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ step) }
        let start = try store.store(bytes.span.bytes)
        #expect(kept.allSatisfy { start >= $0.start + UInt64($0.bytes.count) || start < $0.start })
        kept.append((start, bytes))
      }
    }
    for (start, bytes) in kept { expectSame(try read(store, start, bytes.count), bytes) }
  }

  @Test("in a spool that leaves nothing in its directory and is given back")
  func nothingIsLeft() throws {
    let directory = try #require(directory)
    var store = SegmentedStore(in: try medium(.spool))
    let bytes = [UInt8](repeating: 7, count: 5 << 20)
    let start = try store.store(bytes.span.bytes)
    #expect(try directory.entries == [])
    store.discard(start..<start + UInt64(bytes.count))
    let next = try store.store(bytes.span.bytes.extracting(first: 3))
    expectSame(try read(store, next, 3), [7, 7, 7])
  }

  @Test(
    "and does not take much more room than it needs, whatever was overwritten",
    arguments: Kind.allCases)
  func written(kind: Kind) throws {
    let medium = CountingMedium(of: try medium(kind))
    var stream = OrderedStream(
      limits: .init(reorder: 0, rewind: 16 << 20, head: 0), sink: Collected(),
      store: SegmentedStore(in: medium))
    // Of each segment a little stays and the rest is written again and again.
    var bytes = [UInt8](repeating: 0, count: 16 << 20)
    let piece = 4096
    let pieces = bytes.count / piece
    for step in 0..<8 * pieces {
      let place = step % 32 == 0 ? 64 + step / 32 * 3 : step % 64
      let new = [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: piece)
      bytes.replaceSubrange(place * piece..<(place + 1) * piece, with: new)
      try stream.write(new.span.bytes, at: UInt64(place * piece))
    }
    #expect(medium.most * medium.segmentSize <= 2 * bytes.count + 66 << 20)
    try stream.finish()
    let end = stream.sink.bytes.count
    expectSame(stream.sink.bytes, Array(bytes[..<end]))
  }

  @Test("a directory that can't have a spool is an error")
  func nowhere() {
    for path in ["/proc", "/nonexistent"] {
      #expect(throws: Failure.self) { try SpoolFile(in: path, name: "spool=\(path)") }
    }
  }

  private func read(_ store: SegmentedStore, _ start: UInt64, _ count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      let memory = UnsafeMutableRawBufferPointer(buffer)
      var output = OutputRawSpan(buffer: memory, initializedCount: 0)
      try store.read(start..<start + UInt64(count), into: &output)
      filled = output.finalize(for: memory)
    }
  }
}

/// A medium that counts its segments.
private final class CountingMedium: SegmentMedium {
  private let medium: any SegmentMedium
  private let counts = Mutex((now: 0, most: 0))

  init(of medium: any SegmentMedium) { self.medium = medium }

  /// The most segments there were at a time.
  var most: Int { counts.withLock { $0.most } }
  var segmentSize: Int { medium.segmentSize }

  func allocate() throws(Failure) -> Int {
    counts.withLock {
      $0.now += 1
      $0.most = max($0.now, $0.most)
    }
    return try medium.allocate()
  }

  func free(_ segment: Int) {
    counts.withLock { $0.now -= 1 }
    medium.free(segment)
  }

  func trim(live: Int) { medium.trim(live: live) }

  func write(_ bytes: RawSpan, to segment: Int, at offset: Int) throws(Failure) {
    try medium.write(bytes, to: segment, at: offset)
  }

  func withBytes(
    of segment: Int, at offset: Int, count: Int, _ body: (RawSpan) -> Void
  ) throws(Failure) {
    try medium.withBytes(of: segment, at: offset, count: count, body)
  }
}

/// A sink that keeps the stream.
private struct Collected: StreamSink {
  private(set) var bytes: [UInt8] = []

  var outputOffset: UInt64 { UInt64(bytes.count) }

  func waitForReader() {}

  func checkDelivery() {}

  func flush() {}

  func finish() {}

  func delivered(unread: UInt64, of position: UInt64) -> UInt64 { position - unread }

  mutating func send(_ span: RawSpan, advancing position: inout UInt64) {
    span.withUnsafeBytes { bytes.append(contentsOf: $0) }
    position += UInt64(span.byteCount)
  }

  mutating func sendZeroes(_ count: UInt64, advancing position: inout UInt64) {
    bytes.append(contentsOf: repeatElement(0, count: Int(count)))
    position += count
  }
}
