import StreamCore

@testable import StreamFormats

/// One request of a client.
enum Request {
  case data([UInt8])
  case zeroes(UInt64)
  case flush
}

/// Small blocks, so that there are many of them: of 64 KiB, and runs of zeroes from 16 KiB on. One
/// thread at first, and more at the first chance.
func smallBlocks(
  _ compression: Compression, threads: Int = 2, level: Int = 1
) throws -> CompressingSink<Recorder> {
  let format: any BlockFormat =
    switch compression {
    case .zstd:
      try ZstdFormat(
        level: level, workers: threads, blockSize: 64 << 10, shortestRun: 16 << 10)
    case .gzip: try GzipFormat(level: level, workers: threads, blockSize: 64 << 10)
    }
  let sink = CompressingSink(
    encoder: try BlockEncoder(format: format, threads: threads, grows: true), next: Recorder())
  try sink.start()
  return sink
}

extension StreamSink {
  /// Sends the requests one after the other.
  mutating func send(
    _ requests: [Request], advancing position: inout UInt64
  ) throws(TransferError) {
    for request in requests {
      switch request {
      case .data(let bytes): try send(bytes.span.bytes, advancing: &position)
      case .zeroes(let count): try sendZeroes(count, advancing: &position)
      case .flush: try flush()
      }
    }
  }
}

extension [Request] {
  /// The disk that they write.
  var disk: [UInt8] {
    reduce(into: []) { disk, request in
      switch request {
      case .data(let bytes): disk += bytes
      case .zeroes(let count): disk += [UInt8](repeating: 0, count: Int(count))
      case .flush: break
      }
    }
  }
}

/// Requests as clients make them, and as they never would: data that does and does not compress,
/// with zero pages in it or at its ends, long and short zeroes, odd sizes.
func randomRequests(
  using generator: inout some RandomNumberGenerator, total: Int
) -> [Request] {
  var requests: [Request] = []
  var size = 0
  while size < total {
    let scale = [10, 5000, 70_000, 300_000][Int.random(in: 0..<4, using: &generator)]
    let count = Int.random(in: 0...scale, using: &generator)
    switch Int.random(in: 0..<10, using: &generator) {
    case 0..<3: requests.append(.zeroes(UInt64(count)))
    case 3: requests.append(.flush)
    default: requests.append(.data(randomData(count, using: &generator)))
    }
    size += count
  }
  return requests
}

private func randomData(_ count: Int, using generator: inout some RandomNumberGenerator) -> [UInt8]
{
  var data: [UInt8] = []
  data.reserveCapacity(count)
  while data.count < count {
    let part = Int.random(in: 1...40_000, using: &generator)
    switch Int.random(in: 0..<3, using: &generator) {
    case 0: data += [UInt8](repeating: 0, count: part)
    case 1: data += [UInt8](repeating: UInt8.random(in: 1...9, using: &generator), count: part)
    default:
      // Words of which none repeats soon.
      let start = UInt64.random(in: 1...UInt64.max, using: &generator)
      for index in 0..<UInt64(part / 8 + 1) {
        withUnsafeBytes(of: (start &+ index) &* 0x9E37_79B1_85EB_CA87) { data += $0 }
      }
    }
  }
  return Array(data.prefix(count))
}

/// The same numbers each time, so that a finding is found again.
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}
