import StreamCore

/// A sink that only notes how it is called: any number of zeroes costs it nothing.
struct CallLog: StreamSink {
  enum Call: Equatable {
    /// Bytes, by the place in memory they were handed over from.
    case bytes(UnsafeRawPointer?, Int)
    case zeroes(UInt64)
  }

  private(set) var calls: [Call] = []
  private(set) var outputOffset: UInt64 = 0

  mutating func waitForReader() {}
  func checkDelivery() {}
  func flush() {}
  func finish() {}
  func delivered(unread: UInt64, of position: UInt64) -> UInt64 { position - unread }

  mutating func send(_ bytes: RawSpan, advancing position: inout UInt64) {
    calls.append(bytes.withUnsafeBytes { .bytes($0.baseAddress, $0.count) })
    position += UInt64(bytes.byteCount)
    outputOffset = position
  }

  mutating func sendZeroes(_ count: UInt64, advancing position: inout UInt64) {
    calls.append(.zeroes(count))
    position += count
    outputOffset = position
  }
}
