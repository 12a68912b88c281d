import Testing

@testable import StreamCore

@Suite("The reorder window")
struct ReorderTests {
  @Test("data ahead waits for what is missing, then goes out with it")
  func waits() throws {
    var stream = TextStream(reorder: 4)
    try stream.write("cd", at: 2)
    try stream.write("fg", at: 5)
    #expect(stream.sent == "")
    try stream.write("ab", at: 0)
    #expect(stream.sent == "abcd")
    try stream.write("e", at: 4)
    #expect(stream.sent == "abcdefg")
    #expect(stream.stored == 0)
  }

  @Test("what waits is copied once into the store and goes from there once, whatever the order")
  func copiedOnce() throws {
    var stream = OrderedStream(
      limits: .init(reorder: .max, rewind: 0, head: 0), sink: CallLog(), store: CountingStore())
    var generator = SeededGenerator(seed: 1)
    let block = [UInt8](repeating: 1, count: 100)
    var inOrder: UInt64 = 0
    for offset in (0..<1000).shuffled(using: &generator).map({ UInt64($0) * 100 }) {
      if offset == stream.position { inOrder += 100 }
      try stream.write(block.span.bytes, at: offset)
    }
    #expect(stream.position == 100_000)
    #expect(stream.store.stored == 100_000 - inOrder)
    #expect(stream.store.discarded == stream.store.stored)
    let sent = stream.sink.calls.reduce(0) {
      if case .bytes(_, let count) = $1 { $0 + count } else { $0 }
    }
    #expect(sent == 100_000)
  }

  @Test("the newest of several writes wins, whatever they overlap")
  func newestWins() throws {
    var stream = TextStream(reorder: 8)
    try stream.write("ffff", at: 1)
    try stream.write("gg", at: 2)
    try stream.write("h", at: 1)
    try stream.zero(4..<6)
    try stream.write("a", at: 0)
    #expect(stream.sent == "ahgg..")
  }

  @Test("data that is overwritten while it waits counts once")
  func countsOnce() throws {
    var stream = TextStream(reorder: 2)
    try stream.write("xx", at: 1)
    try stream.write("bc", at: 1)
    try stream.zero(1..<2)
    try stream.write("b", at: 1)
    #expect(stream.sent == "")
  }

  @Test("one byte more than fits, this request's included, makes the oldest gap a hole")
  func overflow() throws {
    var stream = TextStream(reorder: 2)
    try stream.write("bc", at: 1)
    #expect(stream.sent == "")
    try stream.write("e", at: 4)
    #expect(stream.sent == ".bc")
    #expect(stream.zeroesSent == 1)
  }

  @Test("gaps become holes one by one, until it fits")
  func overflowAgain() throws {
    var stream = TextStream(reorder: 3)
    try stream.write("b", at: 1)
    try stream.write("d", at: 3)
    try stream.write("f", at: 5)
    try stream.write("hi", at: 7)
    #expect(stream.sent == ".b.d")
  }

  @Test("a request larger than the window goes out when it comes")
  func largeRequest() throws {
    var stream = TextStream(reorder: 2)
    try stream.write("cdefg", at: 2)
    #expect(stream.sent == "..cdefg")
    #expect(stream.stored == 0)
  }

  @Test("neither zeroes nor distance count")
  func zeroesDoNotCount() throws {
    var stream = TextStream(reorder: 1)
    try stream.write("x", at: 1 << 16)
    try stream.zero(1 << 17..<1 << 62)
    #expect(stream.position == 0)
    #expect(stream.stored == 1)
  }

  @Test("data that follows without a gap does not wait")
  func noGap() throws {
    var stream = TextStream(reorder: 1, rewind: 100)
    try stream.write("abcdef", at: 0)
    try stream.write("h", at: 7)
    #expect(stream.extents(0..<8) == "ddddddhd")
  }

  @Test("of no size fills each gap at once")
  func none() throws {
    var stream = TextStream()
    try stream.write("cd", at: 2)
    #expect(stream.sent == "..cd")
    try stream.write("g", at: 6)
    #expect(stream.sent == "..cd..g")
  }

  @Test("of no size lets a zero ahead wait, until data is ahead")
  func zeroAhead() throws {
    var stream = TextStream()
    try stream.zero(2..<4)
    #expect(stream.sent == "")
    try stream.write("ab", at: 0)
    #expect(stream.sent == "ab..")
    try stream.zero(6..<8)
    try stream.write("g", at: 6)
    #expect(stream.sent == "ab....g.")
  }

  @Test("as large as the disk takes any order")
  func anyOrder() throws {
    var stream = TextStream(reorder: 26)
    let alphabet = "abcdefghijklmnopqrstuvwxyz"
    for (offset, letter) in alphabet.enumerated().shuffled() {
      try stream.write(String(letter), at: UInt64(offset))
    }
    #expect(stream.sent == alphabet)
  }
}
