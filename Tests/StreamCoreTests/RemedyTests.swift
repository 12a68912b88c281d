import Testing

@testable import StreamCore

@Suite("What a late write is told would have been enough")
struct RemedyTests {
  private func remedy(_ stream: TextStream) -> TextStream.Window? { stream.missedWindow }

  @Test("is a larger reorder window, where a gap was not waited for any longer")
  func overflow() throws {
    var stream = TextStream(reorder: 1)
    try stream.write("a", at: 0)
    try stream.write("ef", at: 4)
    #expect(throws: StreamError.self) { try stream.write("c", at: 2) }
    #expect(remedy(stream) == .reorder(atLeast: 4))
  }

  @Test("is a rewind window, where the client wrote before")
  func twice() throws {
    var stream = TextStream()
    try stream.write("abcdef", at: 0)
    #expect(throws: StreamError.self) { try stream.write("c", at: 2) }
    #expect(remedy(stream) == .rewind(atLeast: 4))
  }

  @Test("is a rewind window, where a gap was closed by a flush")
  func flushed() throws {
    var stream = TextStream(reorder: 1)
    try stream.write("a", at: 0)
    try stream.write("f", at: 5)
    try stream.flush()
    #expect(throws: StreamError.self) { try stream.write("c", at: 2) }
    #expect(remedy(stream) == .rewind(atLeast: 4))
  }

  @Test("is a rewind window, where a gap was zeroed too late to matter, and written then")
  func zeroed() throws {
    var stream = TextStream()
    try stream.write("abc", at: 4)
    try stream.zero(1..<3)
    #expect(throws: StreamError.self) { try stream.write("x", at: 2) }
    #expect(remedy(stream) == .rewind(atLeast: 5))
  }

  @Test("is enough, in random order")
  func isEnough() {
    print("SEED=\(Environment.seed) repeats these late writes")
    var random = RandomSteps(generator: SeededGenerator(seed: Environment.seed))
    var count = 0
    while count < 300 {
      var setup = random.setup()
      setup.room = .max
      guard let (steps, window) = lateSteps(setup, &random) else { continue }
      count += 1
      switch window {
      case .reorder(let size): setup.reorder = Int(size)
      case .rewind(let size): setup.rewind = Int(size)
      }
      var stream = TextStream(
        reorder: UInt64(setup.reorder), rewind: UInt64(setup.rewind), head: UInt64(setup.head))
      for step in steps where stream.failure == nil { stream.take(step) }
      guard stream.failure == nil else {
        Issue.record("\(window) is not enough:\n\(swiftCode(setup, steps))")
        return
      }
    }
  }

  /// Steps without faults, of which the last one comes too late.
  private func lateSteps(
    _ setup: Setup, _ random: inout RandomSteps
  ) -> ([Step], TextStream.Window)? {
    var agreement = Agreement(setup)
    var steps: [Step] = []
    for _ in 0..<30 {
      let step = random.step(agreement.model).withoutFault
      steps.append(step)
      _ = agreement.take(step)
      if let window = agreement.stream.missedWindow { return (steps, window) }
    }
    return nil
  }
}

extension Step {
  fileprivate var withoutFault: Step {
    switch self {
    case .write(let range, _): .write(range)
    case .zero(let range, _): .zero(range)
    case .flush: .flush()
    case .finish: .finish()
    case .forceUnitAccess, .read, .extents: self
    }
  }
}

extension TextStream {
  /// Takes a step that changes something.
  fileprivate mutating func take(_ step: Step) {
    switch step {
    case .write(let range, _):
      try? write(String(repeating: "x", count: range.count), at: range.wide.lowerBound)
    case .zero(let range, _): try? zero(range.wide)
    case .flush: try? flush()
    case .forceUnitAccess, .read, .extents, .finish: break
    }
  }
}
