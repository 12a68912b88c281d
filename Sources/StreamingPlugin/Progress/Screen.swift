import Glibc
import StreamIO
import Synchronization
import SystemPackage

/// Standard error, as a place where a line is drawn again and again.
///
/// The only control character is a carriage return, and the cursor is left at the end of the line:
/// what nbdkit prints comes after it and stays whole, and the next line is drawn below.
final class Screen: Sendable {
  let isTerminal = isatty(STDERR_FILENO) == 1
  /// Whether nobody sees what is written there: nbdkit makes it `/dev/null` when it goes into the
  /// background.
  let isNull = Screen.isNullDevice(STDERR_FILENO)
  /// How many columns the line takes that is drawn now.
  private let drawn = Atomic<Int>(0)

  /// How many columns may be used: the last one is left free, as a terminal would go to the next
  /// line there.
  var columns: Int {
    var size = winsize()
    guard isTerminal, ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else {
      return isTerminal ? 79 : 400
    }
    return Int(size.ws_col) - 1
  }

  private static func isNullDevice(_ descriptor: Int32) -> Bool {
    var found = stat()
    var null = stat()
    return fstat(descriptor, &found) == 0 && stat("/dev/null", &null) == 0
      && found.st_mode & S_IFMT == S_IFCHR && found.st_rdev == null.st_rdev
  }

  /// Draws a line in the place of the one before; if this is not a terminal, below it.
  func draw(_ line: String) {
    guard isTerminal else { return write("\(line)\n") }
    write("\r\(line)\(blanks(after: line))")
    drawn.store(line.utf8.count, ordering: .relaxed)
  }

  /// Adds a line, for a program that reads them.
  func add(_ line: String) { write("\(line)\n") }

  /// Prints these lines, which stay.
  func finish(_ lines: [String]) {
    let first = lines.first ?? ""
    let beginning = isTerminal ? "\r\(first)\(blanks(after: first))" : first
    write(([beginning] + lines.dropFirst()).joined(separator: "\n") + "\n")
  }

  /// The blanks that cover the rest of the line that is drawn now.
  private func blanks(after line: String) -> String {
    let old = min(drawn.load(ordering: .relaxed), columns)
    return String(repeating: " ", count: max(0, old - line.utf8.count))
  }

  /// Writes at once or not at all: a reader that does not read must not hold up the end of the
  /// server.
  private func write(_ text: String) {
    guard FileDescriptor.standardError.events(POLLOUT) & POLLOUT != 0 else { return }
    var text = text
    text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
