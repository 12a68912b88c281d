/// How the disk's bytes are arranged in a format that does not compress them by itself.
///
/// A plain container (vhd, tar) has them as they are, between a header and a trailer. A container
/// of records (rbd) says before each run of bytes where on the disk it belongs, and has no bytes
/// for zeroes.
public struct Container: Sendable {
  /// A run of the disk's bytes.
  enum Run: Sendable {
    case data, zeroes
  }

  enum Layout: Sendable {
    case vhd(VHDFooter)
    case tar
    case rbdDiff, rbdImage
  }

  let layout: Layout
  /// The disk's size in bytes.
  let size: UInt64

  /// Makes the layout of `format` for a disk of `size` bytes, which must be a size that the format
  /// can have (``DiskFormat/nextSize(from:)``).
  ///
  /// - Parameters:
  ///   - seconds: The time now, in seconds since 1970; a VHD says when it was made.
  ///   - identity: 16 random bytes; a VHD has a UUID.
  /// - Returns: `nil` for a format that is no container: raw has nothing around the bytes, and vmdk
  ///   compresses by itself.
  public init?(_ format: DiskFormat, size: UInt64, seconds: Int64, identity: [UInt8]) {
    switch format {
    case .raw, .vmdk: return nil
    case .vhd: layout = .vhd(VHDFooter(size: size, seconds: seconds, identity: identity))
    case .tar: layout = .tar
    case .rbdDiff: layout = .rbdDiff
    case .rbdImage: layout = .rbdImage
    }
    self.size = size
  }

  /// Whether each run of bytes is a record of its own.
  var hasRecords: Bool {
    switch layout {
    case .vhd, .tar: false
    case .rbdDiff, .rbdImage: true
    }
  }

  /// The most bytes of data in one record: a reader holds a whole record in memory.
  var mostPerRecord: UInt64 { hasRecords ? 4 << 20 : .max }

  /// What stands before the disk's first byte.
  var header: [UInt8] {
    switch layout {
    case .vhd: []
    case .tar: Tar.header(size: size)
    case .rbdDiff: RBD.diffHeader(size: size)
    case .rbdImage: RBD.imageHeader(size: size)
    }
  }

  /// What a record begins with, before its data; empty if there are no records.
  func beginRecord(of run: Run, at offset: UInt64, count: UInt64, in output: inout [UInt8]) {
    switch layout {
    case .vhd, .tar: break
    case .rbdDiff: RBD.beginDiffRecord(run, at: offset, count: count, in: &output)
    case .rbdImage: RBD.beginImageRecord(run, at: offset, count: count, in: &output)
    }
  }

  /// What comes after the disk's last byte and makes the stream whole.
  var trailer: [UInt8] {
    switch layout {
    case .vhd(let footer): footer.bytes
    case .tar: Tar.trailer(size: size)
    case .rbdDiff, .rbdImage: RBD.end
    }
  }
}

extension [UInt8] {
  mutating func append<Number: FixedWidthInteger>(littleEndian number: Number) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }

  mutating func append<Number: FixedWidthInteger>(bigEndian number: Number) {
    Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
  }

  /// Puts `bytes` in the place of the bytes at `offset`.
  mutating func put(_ bytes: some Collection<UInt8>, at offset: Int) {
    replaceSubrange(offset..<offset + bytes.count, with: bytes)
  }

  mutating func put<Number: FixedWidthInteger>(littleEndian number: Number, at offset: Int) {
    Swift.withUnsafeBytes(of: number.littleEndian) { put($0, at: offset) }
  }
}
