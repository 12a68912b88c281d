@testable import StreamCore

/// A stream, the model of it and what its clients know, taken through the same steps.
struct Agreement {
  private(set) var stream: OrderedStream<RecordingSink, CheckedStore>
  private(set) var model: Model
  private var acknowledged: Acknowledged
  private var stepsTaken = 0

  init(_ setup: Setup) {
    var store = CheckedStore()
    store.room = setup.room
    stream = OrderedStream(
      limits: setup.limits, sink: RecordingSink(), store: store,
      coverage: Coverage(remembering: setup.remembered))
    model = Model(setup)
    acknowledged = Acknowledged(disk: setup.disk)
  }

  /// - Returns: The first disagreement, in words.
  static func check(_ setup: Setup, _ steps: [Step]) -> String? {
    var agreement = Agreement(setup)
    for step in steps {
      if let difference = agreement.take(step) { return "\(step): \(difference)" }
    }
    return nil
  }

  /// Takes both through `step` and compares all that can be seen of them.
  ///
  /// - Returns: What they don't agree in.
  mutating func take(_ step: Step) -> String? {
    stepsTaken += 1
    let sent = stream.sink.received.count
    let difference: String?
    switch step {
    case .write(let range, let fault):
      let bytes = range.map { Step.content(stepsTaken, at: $0) }
      let expected = model.write(range, bytes, fault)
      var answer: StreamError?
      difference = compare(expected, fault, &answer) { (stream) throws(StreamError) in
        try stream.write(bytes.span.bytes, at: UInt64(range.lowerBound))
      }
      acknowledged.note(range, answer, sent: sent)
    case .zero(let range, let fault):
      let expected = model.write(range, nil, fault)
      var answer: StreamError?
      difference = compare(expected, fault, &answer) { (stream) throws(StreamError) in
        try stream.zero(range.wide)
      }
      acknowledged.note(range, answer, sent: sent)
    case .flush(let fault):
      let expected = model.flush(fault)
      var answer: StreamError?
      difference = compare(expected, fault, &answer) { (stream) throws(StreamError) in
        try stream.flush()
      }
      acknowledged.noteFlush(answer)
    case .forceUnitAccess:
      let expected = model.failure == nil ? nil : StreamError.failedBefore
      var answer: StreamError?
      difference = compare(expected, .none, &answer) { (stream) throws(StreamError) in
        try stream.checkForFailure()
      }
    case .finish(let fault):
      let expected = model.finish(fault)
      var answer: StreamError?
      difference = compare(expected, fault, &answer) { (stream) throws(StreamError) in
        try stream.finish()
      }
    case .read(let range): difference = compareRead(range)
    case .extents(let range): difference = compareExtents(range)
    }
    return difference ?? compareState()
  }

  private mutating func compare(
    _ expected: StreamError?, _ fault: Fault, _ answer: inout StreamError?,
    _ request: (inout OrderedStream<RecordingSink, CheckedStore>) throws(StreamError) -> Void
  ) -> String? {
    stream.sink.fault = fault
    defer { stream.sink.fault = .none }
    do { try request(&stream) } catch { answer = error }
    return differ("the answer", answer, expected)
  }

  private mutating func compareRead(_ range: Range<Int>) -> String? {
    var bytes = [UInt8](repeating: 0xFF, count: range.count)
    let answer = stream.read(range, into: &bytes)
    switch model.read(range) {
    case .success(let expected):
      return differ("the read's answer", answer, nil) ?? differ("the bytes read", bytes, expected)
    case .failure(let error): return differ("the read's answer", answer, error)
    }
  }

  private func compareExtents(_ range: Range<Int>) -> String? {
    var next = range.wide.lowerBound
    var difference: String?
    stream.forEachExtent(in: range.wide) { extent, kind in
      if extent.isEmpty || extent.lowerBound != next {
        difference = "the extent \(extent) follows on \(next)"
      }
      next = extent.upperBound
      guard next <= range.upperBound else { return false }
      var offset = Int(extent.lowerBound)
      while offset < next, difference == nil {
        difference = differ("the extent of \(offset)", kind, model.extent(at: offset))
        offset += 1
      }
      return difference == nil
    }
    return difference ?? differ("the end of the extents", next, UInt64(range.upperBound))
  }

  private mutating func compareState() -> String? {
    Observation(stream).difference(from: Observation(model))
      ?? compareCoverage(of: model.setup.disk) ?? compareCoverage(of: model.high)
      ?? compareRead(model.position..<model.setup.disk)
      ?? compareExtents(0..<model.setup.disk)
      ?? stream.sink.complaint ?? stream.store.complaint
  }

  private func compareCoverage(of size: Int) -> String? {
    let missing = stream.missingBytes(of: UInt64(size))
    var first = stream.firstMissing(of: UInt64(size))
    let expected = acknowledged.firstMissing(of: size)?.wide
    // Any that is missing may be known, where more ranges were to be remembered than fit.
    if model.setup.remembered < model.setup.disk, expected != nil,
      first.map({ acknowledged.areMissing($0) }) ?? true
    {
      first = expected
    }
    return differ("missing of \(size)", missing, UInt64(acknowledged.missingBytes(of: size)))
      ?? differ("the first missing of \(size)", first, expected)
      ?? differ("changed", stream.hasChanges, acknowledged.hasChanges)
      ?? differ("flushed", stream.isFlushed, acknowledged.isFlushed)
  }

  private func differ<Value: Equatable>(
    _ name: @autoclosure () -> String, _ value: Value, _ expected: Value
  ) -> String? {
    value == expected ? nil : "\(name()): \(value), not \(expected)"
  }
}

extension OrderedStream {
  /// Reads `range` into `bytes`, which is as long.
  mutating func read(_ range: Range<Int>, into bytes: inout [UInt8]) -> StreamError? {
    bytes.withUnsafeMutableBytes { buffer in
      var output = OutputRawSpan(buffer: buffer, initializedCount: 0)
      do throws(StreamError) {
        try read(into: &output, at: UInt64(range.lowerBound))
      } catch {
        return error
      }
      let count = output.finalize(for: buffer)
      return count == range.count ? nil : .failedBefore
    }
  }
}

/// What can be counted of a stream, after each step.
private struct Observation: Equatable {
  let position, high, firstMissing, waiting, stored, zeroesSent, zeroesReceived: Int
  let sent: [UInt8]
  let owed: [Range<UInt64>]
  let failure: StreamError?

  init(_ stream: OrderedStream<RecordingSink, CheckedStore>) {
    position = Int(stream.position)
    high = Int(stream.high)
    firstMissing = Int(stream.backlog.firstMissing)
    waiting = Int(stream.backlog.waiting)
    stored = stream.store.count
    zeroesSent = Int(stream.zeroesSent)
    zeroesReceived = stream.sink.zeroes
    sent = stream.sink.received
    owed = stream.owedRanges
    failure = stream.failure
  }

  init(_ model: Model) {
    position = model.position
    high = model.high
    firstMissing = model.firstMissing
    waiting = model.waiting
    stored = model.heldData
    zeroesSent = model.zeroesSent
    zeroesReceived = model.zeroesSent
    sent = model.sent
    owed = model.owed.map(\.wide)
    failure = model.failure
  }

  func difference(from expected: Observation) -> String? {
    guard self != expected else { return nil }
    return zip(Mirror(reflecting: self).children, Mirror(reflecting: expected).children)
      .first { "\($0.value)" != "\($1.value)" }
      .map { "\($0.label ?? ""): \($0.value), not \($1.value)" }
  }
}
