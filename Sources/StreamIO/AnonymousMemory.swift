import Glibc
public import StreamCore
import Synchronization

/// Segments in anonymous memory, which goes back to the system as they are freed.
public final class AnonymousMemory: SegmentMedium {
  /// Small enough that a few bytes held don't cost much, large enough that a mapping a segment is
  /// nothing beside filling it.
  public let segmentSize = 256 << 10

  /// Freed segments, kept for the next ones: new memory is zeroed page by page at its first use,
  /// which costs about half of what copying the bytes does.
  private let spare = Mutex<[Int]>([])

  /// Makes a medium that holds nothing.
  public init() {}

  /// Takes a spare segment or maps a new one; `ENOMEM` if there is no memory.
  public func allocate() throws(StoreError) -> Int {
    if let segment = spare.withLock({ $0.popLast() }) { return segment }
    let mapping = mmap(
      nil, segmentSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapping, mapping != MAP_FAILED else {
      throw StoreError(errno: ENOMEM, reason: "no memory for what has to wait")
    }
    return Int(bitPattern: mapping)
  }

  /// Keeps the segment as a spare one.
  public func free(_ segment: Int) {
    spare.withLock { $0.append(segment) }
  }

  /// Unmaps spare segments beyond as many as are in use, and 2 MiB.
  public func trim(live: Int) {
    spare.withLock { spare in
      while spare.count > live + (2 << 20) / segmentSize, let segment = spare.popLast() {
        munmap(UnsafeMutableRawPointer(bitPattern: segment), segmentSize)
      }
    }
  }

  /// Copies `bytes` into a segment.
  public func write(_ bytes: RawSpan, to segment: Int, at offset: Int) {
    bytes.withUnsafeBytes { source in
      UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: segment + offset), count: source.count
      ).copyMemory(from: source)
    }
  }

  /// Lends the memory itself.
  public func withBytes(
    of segment: Int, at offset: Int, count: Int, _ body: (RawSpan) -> Void
  ) {
    body(
      UnsafeRawBufferPointer(
        start: UnsafeRawPointer(bitPattern: segment + offset), count: count
      ).bytes)
  }
}
