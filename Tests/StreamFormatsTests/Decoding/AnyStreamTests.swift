import StreamCore
import Testing

@testable import StreamFormats

/// Streams put together at random from frames or members of every kind, read, dropped and asked
/// about in any order, held against what they decode to.
@Suite("Any stream, in any order")
struct AnyStreamTests {
  /// A piece of a stream and what it decodes to.
  private typealias Part = (packed: [UInt8], content: [UInt8])

  private static func zstdParts() throws -> [Part] {
    var parts: [Part] = [
      (HandmadeFrame.skippable([1, 2, 3]), []), (HandmadeFrame.skippable([], kind: 3), []),
      (try Tool.run("zstd -c", []), []),
    ]
    for count in [1, 4095, 131_072, 300_000, 2_000_000] {
      parts.append((HandmadeFrame.zeroes(count), Array(repeating: 0, count: count)))
    }
    for (index, count) in [1, 5000, 70_000, 400_000].enumerated() {
      let content = Content.mixed(count, seed: UInt64(index + 20))
      for command in ["zstd -1 -c", "zstd -19 --no-check -c \"$IN\""] {
        parts.append((try Tool.run(command, content), content))
      }
    }
    // Blocks of zeroes between others, some shorter than what is noted as a run.
    let raw = Array(Content.mixed(3000, seed: 31))
    for zeroes in [100, 131_072] {
      let frame = HandmadeFrame(
        blocks: [.repeated(0, zeroes), .raw(raw), .repeated(0, zeroes), .repeated(7, 5000)])
      let run = Array(repeating: UInt8(0), count: zeroes)
      parts.append((frame.bytes, run + raw + run + Array(repeating: 7, count: 5000)))
    }
    return parts
  }

  private static func gzipParts() throws -> [Part] {
    let (member, size) = try GzipFormat.makeZeroMembers(1, blockSize: 1 << 20, headroom: 0)
    var parts: [Part] = [
      (Array(member.bytes.prefix(size)), Array(repeating: 0, count: 1 << 20)),
      (try Tool.run("gzip -c", []), []),
    ]
    for (index, count) in [1, 5000, 70_000, 400_000].enumerated() {
      let content = Content.mixed(count, seed: UInt64(index + 40))
      parts.append((try Tool.run("gzip -c \"$IN\"", content), content))
    }
    return parts
  }

  @Test("gives what it decodes to, and tells no zero that is none", .tool("zstd", "gzip"))
  func any() throws {
    let seed = UInt64.random(in: 1...1_000_000)
    print("SEED=\(seed) repeats these streams")
    var random = Random(seed)
    let pools: [(Compression, [Part])] = [
      (.zstd, try Self.zstdParts()), (.gzip, try Self.gzipParts()),
    ]
    for round in 0..<60 {
      let (compression, pool) = pools[round % 2]
      let chosen = (0...random.next() % 12).compactMap { _ in pool.randomElement(using: &random) }
      try expect(
        chosen.flatMap(\.packed), compression, chosen.flatMap(\.content), &random,
        "seed \(seed) round \(round)")
    }
  }

  /// A skippable frame that is longer than what is looked at ahead is skipped in many steps, of
  /// which any may be interrupted.
  @Test("is not what a long skippable frame holds, though that looks like frames")
  func decoys() throws {
    let decoy = HandmadeFrame(content: 5, blocks: [.raw(Array("decoy".utf8))]).bytes
    let before = Array("what comes before it".utf8.prefix(19))
    let first = HandmadeFrame(content: 19, blocks: [.raw(before)]).bytes
    // Where each step of so many bytes ends, a decoy begins.
    try #require((first.count + 8).isMultiple(of: decoy.count))
    let many = Array(repeatElement(decoy, count: 1000).joined())
    let skipped = Array(repeatElement(many, count: 3300).joined())
    try #require(skipped.count > 68 << 20)
    let last = HandmadeFrame(content: 5, blocks: [.raw(Array("after".utf8))]).bytes
    let stream = first + HandmadeFrame.skippable(skipped) + last
    for threads in [0, 2] {
      var source = try DecodingSource(
        .zstd, threads: threads,
        from: PiecewiseSource(stream, piece: decoy.count * 1000, patience: 7))
      defer { source.stop() }
      try source.start()
      var bytes: [UInt8] = []
      while bytes.count < 24 {
        if bytes.count < 19 { _ = try? source.run(at: 30, upTo: 100) }
        try? source.append(1, to: &bytes)
      }
      #expect(bytes == before + Array("after".utf8), "\(threads) threads")
    }
  }

  private func expect(
    _ stream: [UInt8], _ compression: Compression, _ content: [UInt8], _ random: inout Random,
    _ comment: Comment
  ) throws {
    let patience = [0, 2, 3, 7].randomElement(using: &random) ?? 0
    let piece = [7, 1000, 65_536, Int.max].randomElement(using: &random) ?? 1
    var source = try DecodingSource(
      compression, threads: Int(random.next() % 4),
      from: PiecewiseSource(stream, piece: piece, patience: patience))
    defer { source.stop() }
    try source.start()
    var position = 0
    var hasEnded = false
    while !hasEnded {
      let before = position
      let count = Int(random.next() % 3 == 0 ? random.next() % 2_000_000 : random.next() % 5000) + 1
      do throws(TransferError) {
        switch random.next() % 3 {
        case 0:
          var bytes: [UInt8] = []
          var failure: TransferError?
          do throws(TransferError) { try source.append(count, to: &bytes) } catch {
            failure = error
          }
          let expected = content[position..<min(position + bytes.count, content.count)]
          let isRight = expected.elementsEqual(bytes)
          #expect(isRight, comment)
          position += bytes.count
          if let failure { throw failure }
          hasEnded = position < before + count
        case 1:
          var offset = UInt64(position)
          defer { position = Int(offset) }
          try source.drop(UInt64(count), advancing: &offset)
          hasEnded = offset < before + count
        default:
          let distance = Int(random.next() % 400_000)
          let start = position + distance
          switch try source.run(at: UInt64(distance), upTo: .max) {
          case .zeroes(let length):
            let isRight =
              start + Int(length) <= content.count
              && content[start..<start + Int(length)].allSatisfy { $0 == 0 }
            #expect(isRight, comment)
          case .data(let length):
            #expect(length > 0 && start + Int(length) <= content.count, comment)
          case .end: #expect(start >= content.count, comment)
          case .unknown: Issue.record("all of it is near enough to be known", comment)
          }
        }
      } catch {
        #expect(error == .interrupted, comment)
      }
    }
    #expect(position == content.count, comment)
  }
}

extension Issue {
  fileprivate static func record(_ what: String, _ comment: Comment) {
    record("\(what), \(comment.rawValue)")
  }
}
