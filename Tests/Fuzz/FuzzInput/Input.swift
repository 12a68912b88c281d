/// Bytes, read as small numbers; zeroes follow the last one.
public struct Input {
  private var rest: Slice<UnsafeBufferPointer<UInt8>>

  /// Reads `bytes`, which stay the caller's.
  public init(_ bytes: UnsafeBufferPointer<UInt8>) { rest = bytes[...] }

  /// Whether the last byte was read.
  public var isAtEnd: Bool { rest.isEmpty }

  /// 0 where there is nothing below.
  public mutating func number(below limit: Int) -> Int {
    limit > 0 ? Int(rest.popFirst() ?? 0) % limit : 0
  }
}
