/// How many bytes of the disk each amount of output holds.
///
/// What was not read is what a pipe or socket holds, the last few MiB of the output. There the
/// answer is exact except for pieces of less than ``spacing`` bytes. What came before is thinned
/// out, and the answer for it is less than it might be.
struct DeliveryLog {
  private struct Entry {
    var output: UInt64
    var disk: UInt64
  }

  private static let capacity = 4096
  private static let spacing: UInt64 = 512
  private var entries: [Entry] = []

  init() { entries.reserveCapacity(Self.capacity) }

  /// Notes that in `output` bytes of output, `disk` bytes are whole. Both grow from call to call.
  mutating func append(output: UInt64, disk: UInt64) {
    if entries.count == Self.capacity { thinOut() }
    entries.append(Entry(output: output, disk: disk))
  }

  /// Removes entries close to the one kept before them, and if these are few, every second one of
  /// the older half.
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

  /// How many bytes of the disk are whole in `output` bytes of the output.
  func disk(in output: UInt64) -> UInt64 {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].output <= output { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? 0 : entries[low - 1].disk
  }
}
