import Dispatch
import StreamCore
import StreamIO
import SystemPackage

/// Writes to the end of a line on a thread of its own, and closes it.
func startWriting(_ bytes: [UInt8], to end: End) throws {
  let descriptor = try end.open
  end.release()
  DispatchQueue(label: "writer").async {
    // Whoever closes the other end has had enough.
    _ = try? descriptor.closeAfter { try descriptor.writeAll(bytes) }
  }
}

extension DescriptorSource {
  /// The next `count` bytes, fewer at the end.
  mutating func take(_ count: Int) throws(TransferError) -> [UInt8] {
    var taken: [UInt8] = []
    if let failure = take(count, appendingTo: &taken) { throw failure }
    return taken
  }

  /// The same, for whoever wants what came before a failure as well.
  mutating func take(_ count: Int, appendingTo taken: inout [UInt8]) -> TransferError? {
    var failure: TransferError?
    taken += [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
      let memory = UnsafeMutableRawBufferPointer(memory)
      var buffer = OutputRawSpan(buffer: memory, initializedCount: 0)
      do throws(TransferError) { try receive(into: &buffer) } catch { failure = error }
      filled = buffer.finalize(for: memory)
    }
    return failure
  }
}
