/// How much of the disk each amount of output is.
///
/// What was not read is mostly what a pipe holds, the end of it all; so old entries are thinned out, and
/// the answer for long ago becomes less than it might be.
struct DeliveryLog {
  private struct Entry {
    var output: UInt64
    var disk: UInt64
  }

  private static let capacity = 4096
  private var entries: [Entry] = []

  init() { entries.reserveCapacity(Self.capacity) }

  /// With so many bytes of output, so many of the disk are whole. Both grow from call to call.
  mutating func append(output: UInt64, disk: UInt64) {
    if entries.count == Self.capacity { thinOut() }
    entries.append(Entry(output: output, disk: disk))
  }

  /// Every second one of the older half goes.
  private mutating func thinOut() {
    let half = Self.capacity / 2
    for index in 0..<(half / 2) { entries[index] = entries[2 * index + 1] }
    entries.removeSubrange((half / 2)..<half)
  }

  /// Bytes of the disk that are whole in so many of the output.
  func disk(in output: UInt64) -> UInt64 {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].output <= output { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? 0 : entries[low - 1].disk
  }
}
