import StreamCore
import Testing

@testable import StreamFormats

/// What is our own doing in each format: it changes only when somebody means it to.
@Suite("What stands around the disk, byte for byte") struct GoldenContainerTests {
  private static let identity = [UInt8](0..<16)

  private func digest(_ bytes: [UInt8]) throws -> String {
    var digest = try #require(SHA256())
    digest.update(bytes)
    return digest.hex
  }
}
