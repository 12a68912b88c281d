import Foundation
import Testing

/// The data that tests write: never zero, and each 4 KiB page carries its number, so that a
/// missing, shifted or swapped piece of a stream shows. Scripts/client.py has its twin.
enum Pattern {
  static let page = 4096

  static func bytes(_ range: Range<Int>) -> Data {
    let first = range.lowerBound / page
    let last = (range.upperBound + page - 1) / page
    var data = Data(capacity: (last - first) * page)
    for number in first..<last {
      let stamp = UInt64(number) | 0x0101_0101_0101_0101 << 7
      withUnsafeBytes(of: stamp.littleEndian) { data.append(contentsOf: $0) }
      data.append(body)
    }
    let start = range.lowerBound - first * page
    return data.subdata(in: start..<start + range.count)
  }

  private static let body = Data((8..<page).map { UInt8(1 + $0 * 167 % 251) })
}

/// What a piece of a stream should hold.
enum Piece {
  /// The pattern of the offsets where it stands.
  case data(Int)
  case zeroes(Int)

  /// The bytes of consecutive pieces.
  static func bytes(_ pieces: [Piece]) -> Data {
    var data = Data()
    for piece in pieces {
      switch piece {
      case .data(let count): data.append(Pattern.bytes(data.count..<data.count + count))
      case .zeroes(let count): data.append(Data(count: count))
      }
    }
    return data
  }
}

/// Expects a file to hold exactly these pieces; says where it first differs.
func expectContent(
  of path: String, _ pieces: Piece..., sourceLocation: SourceLocation = #_sourceLocation
) {
  expectContent(of: path, pieces, sourceLocation: sourceLocation)
}

func expectContent(
  of path: String, _ pieces: [Piece], sourceLocation: SourceLocation = #_sourceLocation
) {
  let difference = firstDifference(contents(path), Piece.bytes(pieces))
  #expect(difference == nil, sourceLocation: sourceLocation)
}

/// Expects a file to hold the beginning of these pieces, and nothing else.
@discardableResult
func expectPrefix(
  in path: String, of pieces: Piece..., sourceLocation: SourceLocation = #_sourceLocation
) -> Int {
  let found = contents(path)
  let difference = firstDifference(found, Piece.bytes(pieces).prefix(found.count))
  #expect(difference == nil, sourceLocation: sourceLocation)
  return found.count
}

/// Expects two files to be equal, byte for byte.
func expectEqual(
  _ path: String, _ other: String, sourceLocation: SourceLocation = #_sourceLocation
) {
  let difference = firstDifference(contents(path), contents(other))
  #expect(difference == nil, sourceLocation: sourceLocation)
}

func contents(_ path: String) -> Data {
  FileManager.default.contents(atPath: path) ?? Data()
}

private func firstDifference(_ found: Data, _ expected: Data) -> String? {
  if found == expected { return nil }
  let common = zip(found, expected).enumerated().first { $1.0 != $1.1 }?.offset
  return "\(found.count) bytes instead of \(expected.count), "
    + (common.map { "differing at \($0)" } ?? "equal as far as they go")
}

extension Int {
  var kib: Int { self << 10 }
  var mib: Int { self << 20 }
}
