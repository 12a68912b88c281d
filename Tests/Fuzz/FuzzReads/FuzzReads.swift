import FuzzInput
import StreamCore

@testable import Model

/// Takes a stream that is read and the model through the reads that the bytes say, and traps where
/// they differ.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = Input(UnsafeBufferPointer(start: start, count: count))
  let count = input.number(below: 256)
  let room = input.number(below: 256)
  var reading = ReadAgreement(
    count: count, rewind: input.number(below: 256), pads: input.number(below: 2) == 1,
    room: room < 128 ? room : .max)
  var reads = 0
  while !input.isAtEnd, reads < 60 {
    reads += 1
    let offset = input.number(below: 256)
    // As often from the position on as from anywhere.
    let start = input.number(below: 2) == 0 ? reading.position + offset % 16 : offset
    let range = start..<start + 1 + input.number(below: 128)
    if let difference = reading.take(range, fault: input.fault()) {
      fatalError("\(difference)\n\(reading.history)")
    }
  }
  return 0
}

extension Input {
  fileprivate mutating func fault() -> (error: TransferError, after: Int)? {
    switch number(below: 16) {
    case 0...2: (.interrupted, number(below: 64))
    case 3: (.broken(Failure(errno: 5, reason: "bad")), number(below: 64))
    default: nil
    }
  }
}
