extension OutputRawSpan {
  /// Appends a copy of all of `bytes`, for which there has to be room.
  public mutating func append(copying bytes: RawSpan) {
    precondition(bytes.byteCount <= freeCapacity, "no room for \(bytes.byteCount) bytes")
    withUnsafeMutableBytes { buffer, filled in
      bytes.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]).copyMemory(from: source)
      }
      filled += bytes.byteCount
    }
  }
}
