import Glibc
public import StreamCore
import Synchronization

/// Segments in anonymous memory, which goes back to the system as the segments are freed.
public final class AnonymousMemory: SegmentMedium {
  /// Small enough that a few held bytes don't cost much, and large enough that one mapping per
  /// segment costs nothing compared with filling it.
  public let segmentSize = 256 << 10

  private struct State {
    /// Freed segments, kept for the next ones: new memory is zeroed page by page at its first use,
    /// which costs about half of what copying the bytes does.
    var spare: [Int] = []
    /// Address space that keeps the last segments from using all of it, so that if it is limited
    /// (ulimit -v) something is left for everything that can't do without: then a request fails,
    /// and not the process.
    var reserve: Int?
  }

  private let state = Mutex(State())
  private let reserveSize = 4 << 20

  /// Makes a medium that holds nothing.
  public init() {}

  /// Takes a spare segment or maps a new one; `ENOMEM` if there is no memory.
  public func allocate() throws(Failure) -> Int {
    let segment = state.withLock { (state) -> Int? in
      if let segment = state.spare.popLast() { return segment }
      state.reserve = state.reserve ?? map(reserveSize, PROT_NONE)
      guard let reserve = state.reserve else { return nil }
      if let segment = map(segmentSize, PROT_READ | PROT_WRITE) { return segment }
      state.reserve = nil
      unmap(reserve, reserveSize)
      return nil
    }
    guard let segment else {
      throw Failure(errno: ENOMEM, reason: "no memory for the bytes that have to wait")
    }
    return segment
  }

  private func map(_ size: Int, _ protection: Int32) -> Int? {
    let mapping = mmap(nil, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    return mapping == MAP_FAILED ? nil : mapping.map { Int(bitPattern: $0) }
  }

  private func unmap(_ start: Int, _ size: Int) {
    munmap(UnsafeMutableRawPointer(bitPattern: start), size)
  }

  /// Keeps the segment as a spare one.
  public func free(_ segment: Int) {
    state.withLock { $0.spare.append(segment) }
  }

  /// Unmaps spare segments, except for as many as are in use and 2 MiB more.
  public func trim(live: Int) {
    state.withLock { state in
      while state.spare.count > live + (2 << 20) / segmentSize, let segment = state.spare.popLast()
      {
        unmap(segment, segmentSize)
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
