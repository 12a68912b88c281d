internal import ArgumentParser
internal import Glibc
internal import Synchronization

/// How progress is shown on standard error.
enum ProgressStyle: String, ExpressibleByArgument, CaseIterable {
  /// By the plugin.
  case json
  case line, none
}

/// Shows how far the stream is, ten times a second on a terminal, until it ends.
final class Progress: Sendable {
  let style: ProgressStyle
  private let size: UInt64
  private let output: @Sendable () -> UInt64?
  private let start = ContinuousClock.now
  private let permille = Atomic<Int>(0)
  private let state = Mutex<(isOver: Bool, hasShown: Bool)>((false, false))

  /// - Parameters:
  ///   - size: The disk's size in bytes.
  ///   - output: Bytes of the stream so far, if that is known.
  init(_ style: ProgressStyle, size: UInt64, output: @escaping @Sendable () -> UInt64?) {
    self.style = style
    self.size = size
    self.output = output
    guard style == .line else { return }
    onThread {
      while true {
        usleep(100_000)
        let isOver = self.state.withLock { state in
          if !state.isOver {
            state.hasShown = true
            self.show()
          }
          return state.isOver
        }
        if isOver { return }
      }
    }
  }

  var seconds: Duration { ContinuousClock.now - start }

  /// Notes how many thousandths are done: never fewer than before.
  func reach(_ value: Int) {
    permille.max(min(value, 1000), ordering: .relaxed)
  }

  /// Whether a part of the disk has arrived.
  var hasMoved: Bool { permille.load(ordering: .relaxed) > 0 }

  /// Ends, and leaves the terminal's line as it was.
  func end() {
    state.withLock { state in
      guard !state.isOver else { return }
      state.isOver = true
      if state.hasShown { write("\r\u{1B}[K", to: STDERR_FILENO) }
    }
  }

  private func show() {
    let line = ProgressLine(
      permille: permille.load(ordering: .relaxed), size: size, output: output(), time: seconds)
    write("\r" + line.text(columns: Self.columns) + "\u{1B}[K", to: STDERR_FILENO)
  }

  private static var columns: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }
}

/// One line of progress.
struct ProgressLine {
  let permille: Int
  let size: UInt64
  let output: UInt64?
  let time: Duration

  private var done: UInt64 {
    let (product, overflow) = size.multipliedReportingOverflow(by: UInt64(permille))
    return overflow ? size / 1000 * UInt64(permille) : product / 1000
  }

  /// As much as fits: the last column stays free, as some terminals go to the next line after it.
  func text(columns: Int) -> String {
    let percent = "\(permille / 10) %"
    let head = String(repeating: " ", count: max(0, 5 - percent.count)) + percent
    var parts = ["\(human(done)) of \(human(size))"]
    if let output { parts.append("\(human(output)) out") }
    let seconds = time / .seconds(1)
    if seconds >= 1 { parts.append("\(human(UInt64(Double(done) / seconds)))/s") }
    if permille >= 10, permille < 1000, seconds >= 2 {
      let left = seconds * Double(1000 - permille) / Double(permille)
      if left < 1e9 { parts.append("\(human(.seconds(left.rounded()))) left") }
    }
    let room = max(0, columns - 1)
    while parts.count > 1, head.count + 2 + parts.joined(separator: ", ").count > room {
      parts.removeLast()
    }
    let tail = "  " + parts.joined(separator: ", ")
    let width = min(40, room - head.count - tail.count - 4)
    let filled = max(0, width) * permille / 1000
    let bar =
      width < 8
      ? ""
      : "  [" + String(repeating: "#", count: filled)
        + String(repeating: "-", count: width - filled) + "]"
    return String((head + bar + tail).prefix(room))
  }
}

/// Finds out how far a client is from what it prints.
struct ClientProgress {
  private var pending: [UInt8] = []
  /// What else was printed, the newest 4 KiB of it.
  private(set) var text: [UInt8] = []

  /// The thousandths that the newest of `bytes` report: `(12.34/100%)` of qemu-img, `12/100` of
  /// nbdcopy.
  mutating func take(_ bytes: some Sequence<UInt8>) -> Int? {
    var newest: Int?
    for byte in bytes {
      guard byte == 0x0A || byte == 0x0D else {
        if pending.count < 1024 { pending.append(byte) }
        continue
      }
      let line = String(decoding: pending, as: UTF8.self)
      pending = []
      if let match = line.prefixMatch(of: /\s*\(?(\d+)(?:\.(\d)\d*)?\/100/) {
        newest = (Int(match.1) ?? 0) * 10 + (match.2.flatMap { Int($0) } ?? 0)
      } else if !line.isEmpty {
        text = Array((text + Array((line + "\n").utf8)).suffix(4096))
      }
    }
    return newest
  }
}
