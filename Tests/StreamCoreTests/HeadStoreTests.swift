import StreamCore
import Testing

@Suite("The store for the first bytes")
struct HeadStoreTests {
  private var store = HeadStore(capacity: 4)

  init() throws {
    try store.store(Array("abcd".utf8).span.bytes, at: 0)
    try store.store(Array("XY".utf8).span.bytes, at: 1)
  }

  @Test("gives back what was stored last")
  mutating func read() throws {
    var sink = RecordingSink()
    var position: UInt64 = 0
    try store.send(0..<4, to: &sink, advancing: &position)
    #expect(sink.received == Array("aXYd".utf8))
    #expect(position == 4)

    var bytes = [UInt8](repeating: 0, count: 2)
    try bytes.withUnsafeMutableBytes { buffer in
      var output = OutputRawSpan(buffer: buffer, initializedCount: 0)
      try store.read(1..<3, into: &output)
      #expect(output.finalize(for: buffer) == 2)
    }
    #expect(bytes == Array("XY".utf8))
  }

  @Test("has no room beyond", arguments: [4, 3, .max] as [UInt64])
  mutating func noRoom(offset: UInt64) {
    let error = #expect(throws: StoreError.self) {
      try store.store(Array("ef".utf8).span.bytes, at: offset)
    }
    #expect(error?.errno == 28)
  }
}
