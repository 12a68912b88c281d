import FuzzInput
import StreamCore

@testable import Model

/// Takes a stream and the model through the steps that the bytes say, and traps where they differ.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = Input(UnsafeBufferPointer(start: start, count: count))
  let setup = input.setup()
  var steps: [Step] = []
  while !input.isAtEnd, steps.count < 60 { steps.append(input.step(setup.disk)) }
  steps.append(.finish())
  if let difference = Agreement.check(setup, steps) {
    fatalError("\(difference)\n\(swiftCode(setup, steps))")
  }
  return 0
}

extension Input {
  fileprivate mutating func setup() -> Setup {
    let disk = 1 + number(below: 64)
    let reorder = number(below: disk + 2)
    let rewind = number(below: disk + 2)
    let head = number(below: disk + 1)
    let room = number(below: 2 * disk)
    let remembered = number(below: 8)
    return Setup(
      disk: disk, reorder: reorder, rewind: rewind, head: head, room: room < disk ? room : .max,
      remembered: remembered < 4 ? remembered : 65_536)
  }

  fileprivate mutating func step(_ disk: Int) -> Step {
    switch number(below: 16) {
    case 0..<6: .write(range(disk), fault())
    case 6..<10: .zero(range(disk), fault())
    case 10: .flush(fault())
    case 11: .forceUnitAccess
    case 12, 13: .read(range(disk))
    case 14: .extents(range(disk))
    default: .write(range(disk))
    }
  }

  private mutating func range(_ disk: Int) -> Range<Int> {
    let start = number(below: disk)
    return start..<start + 1 + number(below: disk - start)
  }

  private mutating func fault() -> Fault {
    switch number(below: 16) {
    case 0: .noReader
    case 1, 2: .interrupted(after: number(below: 8))
    case 3: .broken(after: number(below: 8))
    default: .none
    }
  }
}
