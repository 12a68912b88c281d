import StreamCore
import StreamFormats

/// What came of a compressed stream that was read to its end.
struct Decoded: Equatable {
  var bytes: [UInt8] = []
  var failure: TransferError?

  /// Reads all of `stream`, going on after each interruption.
  ///
  /// - Parameters:
  ///   - request: How many bytes are asked for at a time.
  ///   - piece: How many come at once.
  ///   - patience: How many calls there are from one interruption to the next.
  ///   - threads: How many decode ahead.
  init(
    _ stream: [UInt8], _ compression: Compression, request: Int = 1 << 20,
    piece: Int = .max, patience: Int = 0, threads: Int = 2
  ) {
    do throws(TransferError) {
      var source = try DecodingSource(
        compression, threads: threads,
        from: PiecewiseSource(stream, piece: piece, patience: patience))
      defer { source.stop() }
      try source.start()
      while true {
        let before = bytes.count
        do throws(TransferError) {
          try source.append(request, to: &bytes)
          if bytes.count < before + request { return }
        } catch .interrupted {
        }
      }
    } catch {
      failure = error
    }
  }

  /// The message of the failure.
  var message: String? {
    guard case .broken(let failure)? = failure else { return nil }
    return failure.reason
  }
}

extension StreamSource {
  /// Reads up to `count` bytes and appends what came, also when it throws.
  mutating func append(_ count: Int, to bytes: inout [UInt8]) throws(TransferError) {
    var failure: TransferError?
    let more = [UInt8](unsafeUninitializedCapacity: count) { (space, initialized) in
      let space = UnsafeMutableRawBufferPointer(space)
      var buffer = OutputRawSpan(buffer: space, initializedCount: 0)
      do throws(TransferError) {
        try receive(into: &buffer)
      } catch {
        failure = error
      }
      initialized = buffer.finalize(for: space)
    }
    bytes += more
    if let failure { throw failure }
  }
}
