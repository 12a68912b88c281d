import Synchronization

/// What the plugin under test was asked and is to answer. Static, as nbdkit makes the instance.
enum Journal {
  private struct Entries {
    var calls: [String] = []
    var failures: [Callback: any Error] = [:]
    var textFailure: (any Error)?
  }

  private static let entries = Mutex(Entries())

  /// Every call since ``clear()``, in order.
  static var calls: [String] { entries.withLock { $0.calls } }

  static func clear() {
    entries.withLock { $0 = Entries() }
  }

  /// Lets a callback throw from now on.
  static func fail(_ callback: Callback, with error: any Error) {
    entries.withLock { $0.failures[callback] = error }
  }

  /// Lets the callbacks that answer a text throw from now on: they have no status to fail with.
  static func failTexts(with error: any Error) {
    entries.withLock { $0.textFailure = error }
  }

  /// Throws what a test asked for.
  static func text(_ text: String) throws -> String {
    try entries.withLock {
      if let error = $0.textFailure { throw error }
      return text
    }
  }

  /// Notes a call, and throws what the test asked for.
  static func enter(_ callback: Callback, _ details: Any...) throws {
    try entries.withLock {
      $0.calls.append(([callback] + details).map { "\($0)" }.joined(separator: " "))
      if let error = $0.failures[callback] { throw error }
    }
  }

  /// Notes a call that can't throw.
  static func note(_ call: String) {
    entries.withLock { $0.calls.append(call) }
  }
}

/// The callbacks that can fail, in the order of their life.
enum Callback: CaseIterable {
  case configure, configurationComplete, threadModel, getReady, afterFork, preconnect, listExports
  case open, size, isRotational, multipleConnections, canWrite, canFlush, canZero, canFastZero
  case canTrim, canReportExtents, forceUnitAccess, caching, blockSizes
  case read, write, flush, zero, zeroIfFast, trim, extents, cache
}
