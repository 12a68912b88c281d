/// The last 512 bytes of a fixed VHD, big-endian, by Microsoft's Virtual Hard Disk Image Format
/// Specification.
struct VHDFooter: Sendable {
  let bytes: [UInt8]

  /// - Parameters:
  ///   - size: The disk's size in bytes, up to 64 TiB.
  ///   - seconds: Since 1970.
  ///   - identity: 16 bytes for the UUID.
  init(size: UInt64, seconds: Int64, identity: [UInt8]) {
    var footer = Array("conectix".utf8)
    footer.append(bigEndian: UInt32(2))
    footer.append(bigEndian: UInt32(0x0001_0000))
    footer.append(bigEndian: UInt64.max)
    // In seconds since 2000.
    footer.append(bigEndian: UInt32(clamping: seconds - 946_684_800))
    // QEMU takes the size from the geometry unless it knows the creator, and it knows this one.
    footer += "win ".utf8
    footer.append(bigEndian: UInt32(0x000A_0000))
    footer += "Wi2k".utf8
    footer.append(bigEndian: size)
    footer.append(bigEndian: size)
    let geometry = Self.geometry(sectors: size / 512)
    footer.append(bigEndian: geometry.cylinders)
    footer.append(geometry.heads)
    footer.append(geometry.sectors)
    footer.append(bigEndian: UInt32(2))
    let checksum = footer.count
    footer.append(bigEndian: UInt32(0))
    footer += identity.prefix(16)
    footer += [UInt8](repeating: 0, count: 512 - footer.count)
    let sum = footer.reduce(UInt32(0)) { $0 + UInt32($1) }
    var field: [UInt8] = []
    field.append(bigEndian: ~sum)
    footer.put(field, at: checksum)
    bytes = footer
  }

  /// Cylinders, heads and sectors per track, as the specification's appendix computes them.
  private static func geometry(
    sectors all: UInt64
  ) -> (cylinders: UInt16, heads: UInt8, sectors: UInt8) {
    let total = min(all, 65_535 * 16 * 255)
    var sectors: UInt64
    var heads: UInt64
    var tracks: UInt64
    if total >= 65_535 * 16 * 63 {
      (sectors, heads, tracks) = (255, 16, total / 255)
    } else {
      sectors = 17
      tracks = total / 17
      heads = max(4, (tracks + 1023) / 1024)
      if tracks >= heads * 1024 || heads > 16 { (sectors, heads, tracks) = (31, 16, total / 31) }
      if tracks >= heads * 1024 { (sectors, heads, tracks) = (63, 16, total / 63) }
    }
    return (UInt16(tracks / heads), UInt8(heads), UInt8(sectors))
  }
}
