/// The first sectors of a streamOptimized VMDK, whose header the footer repeats, and the markers
/// between its parts.
struct VMDKHeader: Sendable {
  static let sector = 512
  /// Where the first grain is: after the header, the descriptor, and zeroes.
  static let overhead = 128 * sector
  /// What comes before a grain: its first sector and its size.
  static let grainMarker = 12

  /// What a marker announces.
  enum Part: UInt32 {
    case table = 1
    case directory = 2
    case footer = 3
  }

  /// The disk's size in bytes.
  private let size: UInt64
  private let content: UInt32

  /// - Parameter identity: Random bytes, of which four are used.
  init(size: UInt64, identity: [UInt8]) {
    self.size = size
    // The two highest numbers mean that there is no content.
    content = identity.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
  }

  /// A number of bytes rounded up to whole sectors.
  static func rounded(_ count: Int) -> Int { (count + sector - 1) / sector * sector }

  /// Fills ``overhead`` bytes.
  func write(to room: UnsafeMutableRawBufferPointer) {
    room.initializeMemory(as: UInt8.self, repeating: 0)
    // The directory is found through the footer.
    writeHeader(to: room, at: 0, directory: .max)
    UnsafeMutableRawBufferPointer(rebasing: room[Self.sector...])
      .copyBytes(from: descriptor.utf8)
  }

  /// Fills one sector, which must be zeroes before.
  func writeHeader(to room: UnsafeMutableRawBufferPointer, at offset: Int, directory: UInt64) {
    func put(_ value: some FixedWidthInteger, _ place: Int) {
      room.storeLittleEndian(value, at: offset + place)
    }
    UnsafeMutableRawBufferPointer(rebasing: room[offset...]).copyBytes(from: "KDMV".utf8)
    put(UInt32(3), 4)
    // The flags say that line ends can be checked, grains are compressed, and there are markers.
    put(UInt32(0x0003_0001), 8)
    put(size / UInt64(Self.sector), 12)
    put(UInt64(128), 20)
    put(UInt64(1), 28)
    put(UInt64(20), 36)
    put(UInt32(512), 44)
    put(UInt64(0), 48)
    put(directory, 56)
    put(UInt64(128), 64)
    // Characters that a transfer as text would change.
    UnsafeMutableRawBufferPointer(rebasing: room[(offset + 73)...]).copyBytes(from: "\n \r\n".utf8)
    put(UInt16(1), 77)
  }

  /// Fills one sector.
  static func writeMarker(
    _ part: Part, sectors: Int, to room: UnsafeMutableRawBufferPointer, at offset: Int
  ) {
    UnsafeMutableRawBufferPointer(rebasing: room[offset..<(offset + sector)])
      .initializeMemory(as: UInt8.self, repeating: 0)
    room.storeLittleEndian(UInt64(sectors), at: offset)
    room.storeLittleEndian(part.rawValue, at: offset + 12)
  }

  private var descriptor: String {
    let digits = String(content, radix: 16)
    let cylinders = min(65_535, (size / UInt64(Self.sector) + 16_064) / 16_065)
    return """
      # Disk DescriptorFile
      version=1
      CID=\(String(repeating: "0", count: 8 - digits.count))\(digits)
      parentCID=ffffffff
      createType="streamOptimized"

      # Extent description
      RW \(size / UInt64(Self.sector)) SPARSE "disk.vmdk"

      # The Disk Data Base
      #DDB

      ddb.virtualHWVersion = "4"
      ddb.geometry.cylinders = "\(cylinders)"
      ddb.geometry.heads = "255"
      ddb.geometry.sectors = "63"
      ddb.adapterType = "lsilogic"
      ddb.toolsInstallType = "4"
      ddb.toolsVersion = "2147483647"

      """
  }
}
