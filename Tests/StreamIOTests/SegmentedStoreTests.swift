import Glibc
import StreamCore
import StreamIO
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

  @Test("where a spool can't be, that is said")
  func nowhere() {
    for path in ["/proc", "/nonexistent"] {
      #expect(throws: IOFailure.self) { try SpoolFile(in: path, name: "spool=\(path)") }
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
