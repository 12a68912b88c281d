import CDeflate
import StreamCore

/// VMDK, subformat streamOptimized: a block is up to 16 grains of 64 KiB, each compressed by
/// itself; a grain of zeroes is left out. Numbers are little-endian, sectors have 512 bytes.
///
///     header, descriptor | grains, table | grains, table | ... | directory | footer | end
///
/// A table has the places of 512 grains, the directory has those of the tables, and the footer has
/// that of the directory. What is all zeroes has the place 0.
final class VMDKFormat: BlockFormat, @unchecked Sendable {
  static let levels = 0...9
  static let defaultLevel = 1
  static let grainSize = 64 << 10
  private static let grainsPerTable: UInt64 = 512
  private static let tableSpan = UInt64(grainSize) * grainsPerTable
  private static let tableSize = VMDKHeader.sector + 2048

  let blockSize = 1 << 20
  let tailSize = 0
  let shortestRun: UInt64 = 256 << 10
  let runGranularity = UInt64(grainSize)
  let longestRunPiece = UInt64.max
  let grain = UInt64(grainSize)
  let isAligned = true
  let mostOutput: Int

  private let layout: VMDKHeader
  /// One per worker.
  private let deflaters: [Deflater]
  private let mostGrain: Int

  /// How far the pieces are on the disk and in the output, in bytes.
  private var position: UInt64 = 0
  private var offset: UInt64 = 0
  /// The places of the grains of the table that is not written yet.
  private var table = [UInt32](repeating: 0, count: Int(grainsPerTable))
  private var tableIsEmpty = true
  /// For a table that a run of zeroes ends.
  private let runPiece: Memory
  private let headerPiece: Memory
  /// The last table, the directory and all that follows; the directory is filled from the beginning
  /// on.
  private let trailerPiece: Memory
  private let directorySize: Int

  /// Takes all memory except that for the blocks.
  ///
  /// - Parameters:
  ///   - size: The disk's size in bytes, one that ``DiskFormat/vmdk`` can have.
  ///   - identity: Four or more random bytes, for the content's number.
  init(level: Int, workers: Int, size: UInt64, identity: [UInt8]) throws(TransferError) {
    layout = VMDKHeader(size: size, identity: identity)
    let tables = Int((size + Self.tableSpan - 1) / Self.tableSpan)
    directorySize = VMDKHeader.rounded(4 * tables)
    guard let runPiece = Memory(count: 8 + Self.tableSize),
      let headerPiece = Memory(count: 8 + VMDKHeader.overhead),
      let trailerPiece = Memory(
        count: 8 + Self.tableSize + directorySize + 4 * VMDKHeader.sector)
    else { throw noMemory(for: "the directory of a VMDK") }
    trailerPiece.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    (self.runPiece, self.headerPiece, self.trailerPiece) = (runPiece, headerPiece, trailerPiece)
    deflaters = try Deflater.make(workers, level: level)
    mostGrain = libdeflate_zlib_compress_bound(nil, Self.grainSize)
    mostOutput =
      blockSize / Self.grainSize * VMDKHeader.rounded(VMDKHeader.grainMarker + mostGrain)
      + Self.tableSize
  }

  /// A compressor has all it needs once it is made.
  func prepare() {}

  /// Each grain gets its marker, in which its place is still counted from the beginning of the
  /// block.
  func compress(
    _ block: UnsafeRawBufferPointer, worker: Int, into output: UnsafeMutableRawBufferPointer
  ) -> BlockResult {
    var end = 0
    for start in stride(from: 0, to: block.count, by: Self.grainSize) {
      let grain = block[start..<min(start + Self.grainSize, block.count)]
      guard !ZeroScan.isZero(grain) else { continue }
      let place = UnsafeMutableRawBufferPointer(
        rebasing: output[end..<(end + VMDKHeader.rounded(VMDKHeader.grainMarker + mostGrain))])
      guard let base = place.baseAddress else { continue }
      let source = UnsafeRawBufferPointer(rebasing: grain)
      let count = libdeflate_zlib_compress(
        deflaters[worker].compressor(for: source), source.baseAddress, source.count,
        base + VMDKHeader.grainMarker, mostGrain)
      guard count > 0 else {
        return .failed(
          .broken(
            Failure(errno: SystemError.inputOutput, reason: "libdeflate can't compress a grain")))
      }
      place.storeLittleEndian(UInt64(start / VMDKHeader.sector), at: 0)
      place.storeLittleEndian(UInt32(count), at: 8)
      let used = VMDKHeader.grainMarker + count
      let padded = VMDKHeader.rounded(used)
      UnsafeMutableRawBufferPointer(rebasing: place[used..<padded])
        .initializeMemory(as: UInt8.self, repeating: 0)
      end += padded
    }
    return .piece(start: 0, count: end)
  }

  /// Gives each grain its place on the disk, and notes its place in the output.
  func complete(_ piece: UnsafeMutableRawBufferPointer, disk: UInt64) throws(TransferError) -> Int {
    var next = 0
    while next < piece.count {
      let sector = UInt64(littleEndian: piece.loadUnaligned(fromByteOffset: next, as: UInt64.self))
      let size = UInt32(
        littleEndian: piece.loadUnaligned(fromByteOffset: next + 8, as: UInt32.self))
      piece.storeLittleEndian(position / UInt64(VMDKHeader.sector) + sector, at: next)
      let start = position + sector * UInt64(VMDKHeader.sector)
      let entry = start / UInt64(Self.grainSize) % Self.grainsPerTable
      table[Int(entry)] = try place(at: offset + UInt64(next))
      tableIsEmpty = false
      next += VMDKHeader.rounded(VMDKHeader.grainMarker + Int(size))
    }
    position += disk
    guard position % Self.tableSpan == 0, !tableIsEmpty, let base = piece.baseAddress else {
      return piece.count
    }
    let room = UnsafeMutableRawBufferPointer(start: base + piece.count, count: Self.tableSize)
    try writeTable(
      (position - 1) / Self.tableSpan, to: room, at: offset + UInt64(piece.count))
    return piece.count + Self.tableSize
  }

  /// Nothing, or the table that was begun if the zeroes go beyond it.
  func zeroes(_ count: UInt64) throws(TransferError) -> UnsafeMutableRawBufferPointer {
    let number = position / Self.tableSpan
    position += count
    guard !tableIsEmpty, position / Self.tableSpan > number else {
      return UnsafeMutableRawBufferPointer(rebasing: runPiece.bytes[headroom..<headroom])
    }
    let room = UnsafeMutableRawBufferPointer(rebasing: runPiece.bytes[headroom...])
    try writeTable(number, to: room, at: offset)
    return room
  }

  func note(disk: UInt64, output: Int) { offset += UInt64(output) }

  func header() -> UnsafeMutableRawBufferPointer {
    let room = UnsafeMutableRawBufferPointer(rebasing: headerPiece.bytes[headroom...])
    layout.write(to: room)
    offset = UInt64(room.count)
    return room
  }

  func trailer() throws(TransferError) -> UnsafeMutableRawBufferPointer {
    let room = UnsafeMutableRawBufferPointer(rebasing: trailerPiece.bytes[headroom...])
    var begin = Self.tableSize
    if !tableIsEmpty {
      begin = 0
      try writeTable(
        (position - 1) / Self.tableSpan,
        to: UnsafeMutableRawBufferPointer(rebasing: room[..<Self.tableSize]), at: offset)
      offset += UInt64(Self.tableSize)
    }
    let directory = try place(at: offset + UInt64(VMDKHeader.sector))
    // The last sector must have a number too.
    _ = try place(at: offset + UInt64(room.count))
    var next = Self.tableSize
    VMDKHeader.writeMarker(
      .directory, sectors: directorySize / VMDKHeader.sector, to: room, at: next)
    next += VMDKHeader.sector + directorySize
    VMDKHeader.writeMarker(.footer, sectors: 1, to: room, at: next)
    next += VMDKHeader.sector
    layout.writeHeader(to: room, at: next, directory: UInt64(directory))
    // The end of the stream is a marker of nothing but zeroes.
    return UnsafeMutableRawBufferPointer(rebasing: room[begin...])
  }

  private func writeTable(
    _ number: UInt64, to room: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(TransferError) {
    VMDKHeader.writeMarker(.table, sectors: 4, to: room, at: 0)
    for (index, entry) in table.enumerated() {
      room.storeLittleEndian(entry, at: VMDKHeader.sector + 4 * index)
      table[index] = 0
    }
    tableIsEmpty = true
    // The place goes into the directory in the trailer now, for the end.
    trailerPiece.bytes.storeLittleEndian(
      try place(at: offset + UInt64(VMDKHeader.sector)),
      at: headroom + Self.tableSize + VMDKHeader.sector + 4 * Int(number))
  }

  /// The sector at an offset of the output.
  private func place(at offset: UInt64) throws(TransferError) -> UInt32 {
    guard let sector = UInt32(exactly: offset / UInt64(VMDKHeader.sector)) else {
      throw .broken(
        Failure(
          errno: SystemError.tooLarge,
          reason: "the VMDK has reached 2 TiB, the most it can have: use another format"))
    }
    return sector
  }
}
