import CZstd
import StreamCore
import StreamFormats

@testable import Decoding

/// Decodes the bytes in two ways, at once and in pieces with questions about zeroes and drops
/// between, and traps where the two differ, where what was said to be zeroes is not, or where a
/// stream is called whole that libzstd does not decode to the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeBufferPointer(start: start, count: count)
  guard count > 2 else { return 0 }
  let compression: Compression = bytes[0] & 1 == 0 ? .zstd : .gzip
  let stream = Array(bytes[2...])
  let whole = Walk(stream, compression, piece: .max, asks: false)
  let walked = Walk(stream, compression, piece: 1 + Int(bytes[1]), asks: true)
  precondition(walked.bytes.count == whole.bytes.count)
  precondition(walked.message == whole.message)
  for (given, right) in zip(walked.bytes, whole.bytes) {
    precondition(given == nil || given == right)
  }
  if compression == .zstd, whole.hasEnded {
    precondition(reference(stream, most: whole.bytes.count) == whole.bytes.compactMap { $0 })
  }
  return 0
}

/// A stream that was read to its end, its failure or its first 4 MiB.
private struct Walk {
  private static let most = 4 << 20

  /// What was dropped is `nil`.
  var bytes: [UInt8?] = []
  var message: String?
  var hasEnded = false

  init(_ stream: [UInt8], _ compression: Compression, piece: Int, asks: Bool) {
    do throws(TransferError) {
      var source = try DecodingSource(
        compression, threads: asks ? 2 : 0,
        from: PiecewiseSource(stream, piece: piece, patience: asks ? 5 : 0))
      defer { source.stop() }
      try source.start()
      var turn = 0
      while bytes.count < Self.most {
        do throws(TransferError) {
          turn += 1
          let request = min(asks ? 1 + turn % 3 * 40_000 : 1 << 16, Self.most - bytes.count)
          let run: SourceRun = asks ? try source.run(at: 0, upTo: 1 << 20) : .unknown
          let before = bytes.count
          if asks, turn % 4 == 0 {
            var position: UInt64 = 0
            defer { bytes += repeatElement(nil, count: Int(position)) }
            try source.drop(UInt64(request), advancing: &position)
          } else {
            var more: [UInt8] = []
            defer { bytes += more.map(Optional.some) }
            try source.append(request, to: &more)
          }
          if case .zeroes(let count) = run {
            let known = bytes[before...].prefix(Int(clamping: count))
            precondition(known.allSatisfy { $0 == nil || $0 == 0 })
          }
          guard bytes.count == before + request else {
            hasEnded = true
            return
          }
        } catch .interrupted {
        }
      }
    } catch {
      guard case .broken(let failure) = error else { fatalError("\(error)") }
      // At which byte depends on who decoded it: libdeflate a whole member, or zlib what came so
      // far.
      message = failure.reason.filter { !$0.isNumber }
    }
  }
}

/// What libzstd makes of it, with one byte more than `most` where that is more; `nil` if it fails.
private func reference(_ stream: [UInt8], most: Int) -> [UInt8]? {
  guard let context = ZSTD_createDCtx() else { return nil }
  defer { ZSTD_freeDCtx(context) }
  var output = [UInt8](repeating: 0, count: most + 1)
  var into = 0
  var from = 0
  return stream.withUnsafeBytes { stream in
    output.withUnsafeMutableBytes { output -> Bool in
      while true {
        var input = ZSTD_inBuffer(src: stream.baseAddress, size: stream.count, pos: from)
        var result = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: into)
        let left = ZSTD_decompressStream(context, &result, &input)
        if ZSTD_isError(left) != 0 { return false }
        let hasMoved = input.pos > from || result.pos > into
        (from, into) = (input.pos, result.pos)
        if from == stream.count, left == 0 { return true }
        if !hasMoved { return false }
      }
    }
  } ? Array(output[..<into]) : nil
}
