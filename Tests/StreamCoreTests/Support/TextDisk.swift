@testable import StreamCore

/// A streamed disk whose bytes tests read as text; a zero is a dot.
typealias TextDisk = StreamedDisk<ScriptedSource, CheckedStore>

extension StreamedDisk<ScriptedSource, CheckedStore> {
  init(_ content: String, rewind: UInt64 = 0, pads: Bool = false, room: Int = .max) {
    self.init(Array(content.utf8), rewind: rewind, pads: pads, room: room)
  }

  init(_ content: [UInt8], rewind: UInt64, pads: Bool = false, room: Int = .max) {
    var store = CheckedStore()
    store.room = room
    self.init(rewind: rewind, pads: pads, source: ScriptedSource(content), store: store)
  }

  /// What a client reads of `range`.
  mutating func bytes(_ range: Range<UInt64>) throws(ReadError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xFF, count: Int(range.length))
    var failure: ReadError?
    let count = bytes.withUnsafeMutableBytes { buffer in
      var output = OutputRawSpan(buffer: buffer, initializedCount: 0)
      do throws(ReadError) {
        try read(into: &output, at: range.lowerBound)
      } catch {
        failure = error
      }
      return output.finalize(for: buffer)
    }
    if let failure { throw failure }
    return Array(bytes.prefix(count))
  }

  mutating func text(_ range: Range<UInt64>) throws(ReadError) -> String {
    String(decoding: try bytes(range).map { $0 == 0 ? UInt8(ascii: ".") : $0 }, as: UTF8.self)
  }
}
