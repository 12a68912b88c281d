/// What the stream is: the disk's own bytes, or a format that clouds and hypervisors import, in one
/// pass.
public enum DiskFormat: String, CaseIterable, Sendable {
  /// The disk's own bytes.
  case raw
  /// A fixed VHD: the disk, then a footer.
  case vhd
  /// A tar archive in which the disk is the only file, `disk.raw`, as Google's cloud imports it.
  case tar
  /// A VMDK of subformat streamOptimized: compressed grains, their tables, a footer.
  case vmdk
  /// What `rbd import-diff` reads: writes the changes into an image that exists.
  case rbdDiff = "rbd-diff"
  /// What `rbd import --export-format 2` reads: makes an image.
  case rbdImage = "rbd-image"

  /// Sizes of disks are multiples of this, in bytes.
  public var sizeUnit: UInt64 {
    switch self {
    case .raw, .rbdDiff, .rbdImage: 1
    case .vhd: 1 << 20
    case .tar: 1 << 30
    case .vmdk: 64 << 10
    }
  }

  /// The largest disk that readers of the format take, in bytes.
  public var largestSize: UInt64 {
    switch self {
    case .raw, .tar, .rbdDiff, .rbdImage: UInt64(Int64.max)
    // Its directory, which is kept until the end, then has four bytes for each 32 MiB: 8 MiB.
    case .vmdk, .vhd: 64 << 40
    }
  }

  /// The levels of a format that compresses by itself, and the level if none is asked for.
  public var levels: (range: ClosedRange<Int>, default: Int)? {
    self == .vmdk ? (VMDKFormat.levels, VMDKFormat.defaultLevel) : nil
  }

  /// Whether the format states the disk's size, so that the size has to be known at the start.
  public var needsSize: Bool { self != .raw }

  /// The next size that the format can have, at or above `size`; `nil` if there is none.
  public func nextSize(from size: UInt64) -> UInt64? {
    let rest = size % sizeUnit
    let (next, overflow) = size.addingReportingOverflow(rest == 0 ? 0 : sizeUnit - rest)
    return overflow || next > largestSize ? nil : next
  }
}
