/// A tar archive with one file, `disk.raw`, in the old GNU format, which Google's cloud imports. It
/// insists on these names, and does not understand pax headers.
enum Tar {
  private static let block: UInt64 = 512
  /// How much GNU tar writes at a time: archives are filled up to a multiple of it.
  private static let record: UInt64 = 10_240

  static func header(size: UInt64) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: Int(block))
    header.put("disk.raw".utf8, at: 0)
    header.put("0000644".utf8, at: 100)
    header.put("0000000".utf8, at: 108)
    header.put("0000000".utf8, at: 116)
    header.put(sizeField(size), at: 124)
    header.put("00000000000".utf8, at: 136)
    // The checksum is computed with blanks in its own place.
    header.put("        0".utf8, at: 148)
    header.put("ustar  ".utf8, at: 257)
    header.put("root".utf8, at: 265)
    header.put("root".utf8, at: 297)
    let sum = header.reduce(0) { $0 + Int($1) }
    header.put(octal(UInt64(sum), digits: 6) + [0], at: 148)
    return header
  }

  /// Eleven octal digits, which are enough up to 8 GiB; GNU's binary form for larger sizes.
  private static func sizeField(_ size: UInt64) -> [UInt8] {
    guard size >= 1 << 33 else { return octal(size, digits: 11) }
    var field: [UInt8] = [0x80, 0, 0, 0]
    field.append(bigEndian: size)
    return field
  }

  private static func octal(_ number: UInt64, digits: Int) -> [UInt8] {
    let text = String(number, radix: 8)
    return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
  }

  /// The rest of the last block, two blocks of zeroes, and zeroes up to a whole record.
  static func trailer(size: UInt64) -> [UInt8] {
    let fill = (block - size % block) % block
    // Only remainders are added, as the size may be near the largest number.
    let end = (block + size % record + fill + 2 * block) % record
    return [UInt8](repeating: 0, count: Int(fill + 2 * block + (record - end) % record))
  }
}
