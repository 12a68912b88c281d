import StreamCore
import Testing

@testable import StreamFormats

@Suite("What of the disk the reader has")
struct DeliveryTests {
  @Test("is what a decoder finds whole in the output it took", arguments: Compression.allCases)
  func whole(_ compression: Compression) throws {
    var generator = Seeded(state: 5)
    var sink = try smallBlocks(compression)
    var position: UInt64 = 0
    try sink.send(randomRequests(using: &generator, total: 900_000), advancing: &position)
    try sink.finish()
    let bytes = sink.next.tape.bytes
    var borders = Decoders.borders(of: bytes, compression)
    if compression == .zstd { borders.removeLast() }
    var previous = 0
    for border in borders {
      let disk = try #require(Decoders.disk(in: Array(bytes[..<border]), compression)).count
      #expect(sink.delivered(unread: UInt64(bytes.count - border), of: position) == disk)
      #expect(sink.delivered(unread: UInt64(bytes.count - border + 1), of: position) == previous)
      previous = disk
    }
    #expect(sink.delivered(unread: 0, of: position) == position)
    #expect(sink.delivered(unread: UInt64(bytes.count), of: position) == 0)
    #expect(sink.outputOffset == bytes.count)
  }

  @Test("a block whose checksum is held back is not delivered")
  func heldBack() throws {
    var sink = try smallBlocks(.zstd)
    var position: UInt64 = 0
    let block = [UInt8](repeating: 3, count: 64 << 10)
    for _ in 0..<3 { try sink.send(block.span.bytes, advancing: &position) }
    try sink.flush()
    #expect(sink.delivered(unread: 0, of: position) == 2 * block.count)
  }

  @Test("of what was sent long ago too little may be counted, never too much")
  func longAgo() {
    var log = DeliveryLog()
    for entry in 1...UInt64(100_000) { log.append(output: entry * 1000, disk: entry) }
    for output in stride(from: 0, through: 100_000_000, by: 9973) as StrideThrough<UInt64> {
      let disk = log.disk(in: output)
      #expect(disk <= output / 1000)
      if output > 98_000_000 { #expect(disk == output / 1000) }
      if output > 90_000_000 { #expect(disk > 80_000) }
    }
    #expect(log.disk(in: 1000) == 1)
  }

  @Test("pieces of a few bytes each don't displace the others")
  func tiny() {
    var log = DeliveryLog()
    for entry in 1...UInt64(200_000) { log.append(output: entry * 30, disk: entry) }
    for unread in stride(from: 0, through: 1 << 20, by: 4096) as StrideThrough<UInt64> {
      let output = 6_000_000 - unread
      #expect(log.disk(in: output) <= output / 30)
      #expect(log.disk(in: output) + 100 > output / 30)
    }
  }
}
