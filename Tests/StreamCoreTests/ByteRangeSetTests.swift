import Testing

@testable import StreamCore

@Suite("A set of bytes")
struct ByteRangeSetTests {
  private var set = ByteRangeSet()

  init() {
    set.insert(10..<20)
    set.insert(30..<40)
  }

  @Test("ranges that overlap or touch become one")
  mutating func merged() {
    set.insert(15..<30)
    #expect(set.ranges == [10..<40])
    #expect(set.count == 1)
  }

  @Test("a removed range leaves what is around it")
  mutating func removed() {
    set.remove(12..<32)
    #expect(set.ranges == [10..<12, 32..<40])
  }

  @Test("contains what lies within one of its ranges")
  func contains() {
    #expect(set.contains(10..<20))
    #expect(set.contains(12..<13))
    #expect(!set.contains(9..<12))
    #expect(!set.contains(19..<31))
    #expect(!set.contains(20..<30))
  }

  @Test("the first overlap is cut to the range asked for")
  func first() {
    #expect(set.first(overlapping: 15..<35) == 15..<20)
    #expect(set.first(overlapping: 20..<35) == 30..<35)
    #expect(set.first(overlapping: 20..<30) == nil)
    #expect(set.first == 10..<20)
  }
}
