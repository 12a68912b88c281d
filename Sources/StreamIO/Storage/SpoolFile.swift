import CLinux
import Glibc
public import StreamCore
import Synchronization
import SystemPackage

/// Segments in a file that has no name, so that the file is gone with this process, however it
/// ends.
///
/// Bytes are written and read by calls, not through a mapping: a full disk is then an error of the
/// request at hand, and not a signal. They also leave by read and write, never by splice: spliced
/// pages still belong to the file, and freeing a segment was seen to zero them under the reader.
public final class SpoolFile: SegmentMedium {
  /// The size of a segment in bytes, which is also the most that one read takes.
  public let segmentSize = 1 << 20

  private struct State {
    /// Freed places in the file, in segments.
    var free: [Int] = []
    /// One past the last place in use.
    var end = 0
    /// A buffer for what is being sent or read.
    var buffer: [UInt8] = []
  }

  private let file: FileDescriptor
  private let name: String
  private let state = Mutex(State())

  /// Makes the file in `directory`.
  ///
  /// - Parameter name: What the file is called in messages.
  public init(in directory: String, name: String) throws(Failure) {
    let descriptor = clinux_open_unnamed(directory)
    guard descriptor >= 0 else { throw Self.failure(Errno(rawValue: errno)) }
    // A write beyond the size limit must be an error of the request at hand, too.
    _ = clinux_survive_file_size_limit()
    file = FileDescriptor(rawValue: descriptor)
    self.name = name
  }

  deinit {
    try? file.close()
  }

  private static func failure(_ error: Errno) -> Failure {
    switch error {
    case .notSupported, .isDirectory:
      Failure(error, "this file system does not support O_TMPFILE: give another directory")
    default: Failure(error, "no file can be made there: \(error)")
    }
  }

  /// Takes the lowest free place, so that the file stays short. Room on the disk is taken when the
  /// bytes are written.
  public func allocate() -> Int {
    state.withLock { state in
      if let lowest = state.free.indices.min(by: { state.free[$0] < state.free[$1] }) {
        return state.free.remove(at: lowest)
      }
      state.end += 1
      return state.end - 1
    }
  }

  /// Gives the segment's room on the disk back.
  public func free(_ segment: Int) {
    state.withLock { $0.free.append(segment) }
    // If holes can't be made, the place is used again, and the file is emptied in the end.
    _ = clinux_punch(file.rawValue, off_t(segment * segmentSize), off_t(segmentSize))
  }

  /// Empties the file when nothing is in it.
  public func trim(live: Int) {
    guard live == 0 else { return }
    state.withLock { state in
      guard state.end > 0 else { return }
      state.free = []
      state.end = 0
    }
    ftruncate(file.rawValue, 0)
  }

  /// Writes `bytes` into a segment; fails with `ENOSPC` or whatever the disk reports.
  public func write(_ bytes: RawSpan, to segment: Int, at offset: Int) throws(Failure) {
    var start = off_t(segment * segmentSize + offset)
    try bytes.withUnsafeBytes { (buffer) throws(Failure) in
      var rest = buffer
      while !rest.isEmpty {
        let count = pwrite(file.rawValue, rest.baseAddress, rest.count, start)
        guard count > 0 else {
          if count < 0, errno == EINTR { continue }
          throw failure(count < 0 ? errno : EIO)
        }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        start += off_t(count)
      }
    }
  }

  /// Reads `count` bytes of a segment and lends them.
  public func withBytes(
    of segment: Int, at offset: Int, count: Int, _ body: (RawSpan) -> Void
  ) throws(Failure) {
    try state.withLock { (state) throws(Failure) in
      if state.buffer.isEmpty { state.buffer = [UInt8](repeating: 0, count: segmentSize) }
      var error: Int32 = 0
      state.buffer.withUnsafeMutableBytes { buffer in
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(count))
        error = fill(target, from: off_t(segment * segmentSize + offset))
        if error == 0 { body(UnsafeRawBufferPointer(target).bytes) }
      }
      guard error == 0 else { throw failure(error) }
    }
  }

  /// Returns 0 or the reason's number.
  private func fill(_ target: UnsafeMutableRawBufferPointer, from start: off_t) -> Int32 {
    var done = 0
    while done < target.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: target.dropFirst(done))
      let count = pread(file.rawValue, rest.baseAddress, rest.count, start + off_t(done))
      guard count > 0 else {
        if count < 0, errno == EINTR { continue }
        return count < 0 ? errno : EIO
      }
      done += count
    }
    return 0
  }

  private func failure(_ error: Int32) -> Failure {
    Failure(Errno(rawValue: error), "\(name): \(Errno(rawValue: error))")
  }
}
