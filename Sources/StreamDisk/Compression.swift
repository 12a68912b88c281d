/// How a stream is compressed.
enum Compression: String {
  case zstd, gzip

  var defaultLevel: Int { self == .zstd ? 3 : 1 }
  var levels: ClosedRange<Int> { self == .zstd ? 1...19 : 0...9 }

  /// What a file with this name is taken for.
  init?(named name: String) {
    if name.hasSuffix(".zst") || name.hasSuffix(".zstd") {
      self = .zstd
    } else if name.hasSuffix(".gz") {
      self = .gzip
    } else {
      return nil
    }
  }

  /// What a stream is taken for that begins with these bytes; a skippable frame begins a zstd
  /// stream too.
  init?(magic bytes: [UInt8]) {
    if bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD])
      || bytes.count >= 4 && bytes[0] & 0xF0 == 0x50
        && bytes[1...3].elementsEqual([0x2A, 0x4D, 0x18])
    {
      self = .zstd
    } else if bytes.starts(with: [0x1F, 0x8B, 0x08]) {
      self = .gzip
    } else {
      return nil
    }
  }
}

/// What a stream is said to be, by an option or by its name.
enum Encoding: Equatable {
  case raw
  case compressed(Compression)

  /// Refuses a stream whose beginning does not match. A disk may begin in any way, and its guest
  /// chooses its bytes, so the beginning of a stream never decides what the stream is.
  func check(_ beginning: [UInt8], isSaid: Bool, name: String) throws(Failure) {
    let found = Compression(magic: beginning)
    switch (self, found) {
    case (.raw, let found?) where !isSaid:
      throw .usage(
        "\(name): begins as \(found) does: say --\(found), or --raw if it is a raw disk")
    case (.compressed(let compression), _) where found != compression:
      throw Failure("\(name): is not \(compression): say --raw, --zstd or --gzip")
    default: break
    }
  }
}
