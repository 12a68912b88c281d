import CFakeNBDKit
public import Testing

/// Gives each test of a suite the fake server to itself, reset: there is one registered plugin and
/// one set of nbdkit's functions in the process, which all test targets share.
public struct ExclusiveServer: SuiteTrait, TestTrait, TestScoping {
  /// Every test in the suite.
  public let isRecursive = true

  /// Waits for its turn, and resets the server.
  public func provideScope(
    for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
  ) async throws {
    // A test function is a scope around its cases: only the innermost takes a turn.
    guard testCase != nil else { return try await body() }
    await Turns.shared.take()
    fake_reset()
    do {
      try await body()
      await Turns.shared.giveBack()
    } catch {
      await Turns.shared.giveBack()
      throw error
    }
  }
}

extension Trait where Self == ExclusiveServer {
  /// One test at a time uses the fake server.
  public static var exclusiveServer: Self { Self() }
}

/// A queue that waits without holding a thread: a test may suspend while it has its turn.
private actor Turns {
  static let shared = Turns()

  private var taken = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func take() async {
    if taken {
      await withCheckedContinuation { waiting.append($0) }
    } else {
      taken = true
    }
  }

  func giveBack() {
    if waiting.isEmpty { taken = false } else { waiting.removeFirst().resume() }
  }
}
