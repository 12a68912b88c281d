import CDeflate
import StreamCore

/// libdeflate for one thread. Noise is stored: deflate takes longest to find that it can't make it
/// smaller.
final class Deflater: @unchecked Sendable {
  private let deflating: OpaquePointer
  private let storing: OpaquePointer

  /// `nil` if there is no memory for it.
  init?(level: Int) {
    guard let deflating = libdeflate_alloc_compressor(Int32(level)) else { return nil }
    guard let storing = libdeflate_alloc_compressor(0) else {
      libdeflate_free_compressor(deflating)
      return nil
    }
    (self.deflating, self.storing) = (deflating, storing)
  }

  /// One for each of so many threads.
  static func make(_ count: Int, level: Int) throws(TransferError) -> [Deflater] {
    var deflaters: [Deflater] = []
    for _ in 0..<count {
      guard let deflater = Deflater(level: level) else {
        throw noMemory(for: "a compressor for each thread")
      }
      deflaters.append(deflater)
    }
    return deflaters
  }

  deinit {
    libdeflate_free_compressor(deflating)
    libdeflate_free_compressor(storing)
  }

  /// libdeflate's own, valid as long as this is.
  func compressor(for bytes: UnsafeRawBufferPointer) -> OpaquePointer {
    Noise.isLikely(bytes) ? storing : deflating
  }
}

/// What encrypted and well compressed data look like.
enum Noise {
  /// Every fourth KiB is looked at.
  private static let window = 1024
  private static let stride = 4096

  /// Whether each of the 256 values comes about as often as the others, as a chi-square test tells.
  /// Of random bytes the sum has a mean of 255 and a standard deviation of 22.6, and 6 of these are
  /// allowed on both sides: where all values come equally often there is a pattern. Text, code and
  /// compressed pictures are in the thousands. False for what is too short to tell.
  static func isLikely(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 16 * stride else { return false }
    return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 256) { counts in
      counts.initialize(repeating: 0)
      var start = 0
      while start + window <= bytes.count {
        for byte in bytes[start..<start + window] { counts[Int(byte)] &+= 1 }
        start += stride
      }
      let total = (bytes.count - window) / stride + 1
      let expected = Double(total * window) / 256
      let sum = counts.reduce(0) { sum, count in
        let difference = Double(count) - expected
        return sum + difference * difference
      }
      return (120.0...390.0).contains(sum / expected)
    }
  }
}
