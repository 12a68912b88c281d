import Glibc
import NBDKit
import StreamIO
import Synchronization

/// Shows on standard error how far the stream is, from a thread of its own that looks at a gauge.
final class Progress: Sendable {
  /// For whom it is shown.
  enum Style: Sendable {
    /// For people: one line, drawn anew on a terminal.
    case line
    /// For programs: one JSON object per line, one line per second.
    case json
  }

  /// How often this checks who is waited for, in milliseconds.
  private static let slice: Int32 = 100

  private let style: Style
  private let screen: Screen
  private let began = Instant.now
  /// `nil` if nobody would see it.
  private let thread: WakeableThread?

  /// Starts to show progress, in the serving process.
  ///
  /// - Parameters:
  ///   - encodes: Whether the output differs from the disk's bytes, and is shown beside them.
  ///   - otherEnd: Who is waited for at the other end of the stream.
  init(
    as style: Style, of gauge: Gauge, size: UInt64?, encodes: Bool = false, otherEnd: String
  ) {
    let screen = Screen()
    let began = began
    self.style = style
    self.screen = screen
    guard !screen.isNull else {
      thread = nil
      return
    }
    // A line is shown every second on a terminal, where it is drawn anew, and for programs; less
    // often where every line stays and people would find it.
    let slices = screen.isTerminal || style == .json ? 10 : 50
    thread = WakeableThread { sleep in
      var history = ProgressHistory()
      while true {
        for _ in 0..<slices {
          guard sleep(Self.slice) else { return }
          history.note(gauge.waiting.load(ordering: .relaxed))
        }
        let output = gauge.output.load(ordering: .relaxed)
        // For a disk that is sent as it is, the output is the position, and is known within
        // requests too.
        let position = gauge.position.load(ordering: .relaxed)
        let now = Instant.now
        var line = history.line(
          encodes ? position : max(position, output), of: size, at: now, otherEnd: otherEnd)
        line.output = encodes ? output : nil
        switch style {
        case .line: screen.draw(line.text(columns: screen.columns))
        case .json: screen.add(line.json(after: now - began))
        }
      }
    }
    if thread == nil { Server.error("progress: no thread can be started for it") }
  }

  /// Stops, and leaves the totals.
  func end(_ report: Report) {
    guard !screen.isNull else { return }
    thread?.end()
    switch style {
    case .line: screen.finish(ProgressLine.totals(of: report, columns: screen.columns))
    case .json:
      var line = ProgressLine(bytes: report.bytes, size: report.size)
      if report.direction == .write { line.output = report.outputBytes }
      screen.add(line.json(after: .now - began))
    }
  }
}

/// What was seen recently.
struct ProgressHistory {
  private var samples: [(time: Double, bytes: UInt64)] = []
  private var counts: [Gauge.Waiting: Int] = [:]

  /// Notes who is waited for at some moment.
  mutating func note(_ waiting: Gauge.Waiting) {
    counts[waiting, default: 0] += 1
  }

  /// The line for what was seen since the last one; the rate is that of the last ten lines.
  mutating func line(
    _ bytes: UInt64, of size: UInt64?, at now: Instant, otherEnd: String
  ) -> ProgressLine {
    // The stream began with the first look.
    let first = samples.first ?? (now.seconds, bytes)
    samples.append((now.seconds, bytes))
    if samples.count > 10 { samples.removeFirst() }
    let seconds = now.seconds - first.time
    let most = counts.max { $0.value < $1.value }?.key
    counts = [:]
    return ProgressLine(
      bytes: bytes, size: size,
      rate: seconds > 0 ? Double(bytes - min(first.bytes, bytes)) / seconds : nil,
      waitingFor: most == .client ? "client" : most == .otherEnd ? otherEnd : nil)
  }
}
