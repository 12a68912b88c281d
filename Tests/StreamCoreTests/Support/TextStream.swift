@testable import StreamCore

/// A stream whose bytes tests write and read as text; a zero is a dot.
typealias TextStream = OrderedStream<RecordingSink, CheckedStore>

extension OrderedStream<RecordingSink, CheckedStore> {
  init(
    reorder: UInt64 = 0, rewind: UInt64 = 0, head: UInt64 = 0, room: Int = .max,
    remembering pieces: Int = 65_536
  ) {
    var store = CheckedStore()
    store.room = room
    self.init(
      limits: Limits(reorder: reorder, rewind: rewind, head: head), sink: RecordingSink(),
      store: store, coverage: Coverage(remembering: pieces))
  }

  /// Everything sent so far.
  var sent: String { text(of: sink.received) }

  /// How many bytes are stored.
  var stored: Int { store.count }

  mutating func write(_ text: String, at offset: UInt64) throws(StreamError) {
    try write(Array(text.utf8).span.bytes, at: offset)
  }

  /// What a client reads of `range`.
  mutating func text(_ range: Range<Int>) throws(StreamError) -> String {
    var bytes = [UInt8](repeating: 0xFF, count: range.count)
    if let error = read(range, into: &bytes) { throw error }
    return text(of: bytes)
  }

  /// A letter for each byte of `range`: d for data, z for zeroes, h for a hole.
  func extents(_ range: Range<UInt64>) -> String {
    var letters = ""
    forEachExtent(in: range) { range, extent in
      let letter: Character =
        switch extent {
        case .data: "d"
        case .zeroes: "z"
        case .hole: "h"
        }
      letters += String(repeating: letter, count: Int(range.length))
      return true
    }
    return letters
  }

  private func text(of bytes: [UInt8]) -> String {
    String(decoding: bytes.map { $0 == 0 ? UInt8(ascii: ".") : $0 }, as: UTF8.self)
  }
}
