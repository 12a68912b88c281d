/// How much of the disk each amount of output is.
///
/// What was not read is what a pipe or socket holds, the last few MiB of it all. There the answer is
/// exact but for pieces of less than ``spacing`` bytes; what was before is thinned out, and the answer
/// for it is less than it might be.
struct DeliveryLog {
  private struct Entry {
    var output: UInt64
    var disk: UInt64
  }

  private static let capacity = 4096
  private static let spacing: UInt64 = 512
  private var entries: [Entry] = []

  init() { entries.reserveCapacity(Self.capacity) }

  /// With so many bytes of output, so many of the disk are whole. Both grow from call to call.
  mutating func append(output: UInt64, disk: UInt64) {
    if entries.count == Self.capacity { thinOut() }
    entries.append(Entry(output: output, disk: disk))
  }

  /// Entries close to the one kept before them go, and if these are few, of the older half every second.
  private mutating func thinOut() {
    var kept = 1
    for entry in entries.dropFirst() where entry.output - entries[kept - 1].output >= Self.spacing {
      entries[kept] = entry
      kept += 1
    }
    entries.removeSubrange(kept...)
    let half = Self.capacity / 2
    guard kept > half else { return }
    for index in 0..<(half / 2) { entries[index] = entries[2 * index] }
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
