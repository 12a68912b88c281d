import Testing

/// Gives each test a `Sandbox` of its own, a turn among the few that run at once, and an end: a
/// test that takes longer than its limit fails and its processes are killed. For a suite or for a
/// test in one without it: with both a test would wait for a second turn while it has one.
struct EndToEnd: SuiteTrait, TestTrait, TestScoping {
  let limit: Duration

  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    // The limit starts with the turn: the traits' own time limit would count the wait for it.
    await Turns.shared.take()
    let sandbox: Sandbox
    do {
      sandbox = try await Sandbox()
    } catch {
      await Turns.shared.giveBack()
      throw error
    }
    await perform(function, in: sandbox, for: test, testCase)
    await sandbox.close()
    await Turns.shared.giveBack()
  }

  private func perform(
    _ function: @Sendable () async throws -> Void, in sandbox: Sandbox, for test: Test,
    _ testCase: Test.Case?
  ) async {
    let logs = IssueHandlingTrait.compactMapIssues { issue in
      var issue = issue
      issue.comments += [Comment(rawValue: sandbox.logs)]
      return issue
    }
    try? await logs.provideScope(for: test, testCase: testCase) {
      let watchdog = Task {
        try await Task.sleep(for: limit)
        Issue.record("still running after \(limit)", sourceLocation: test.sourceLocation)
        sandbox.kill()
      }
      defer { watchdog.cancel() }
      do {
        try await Sandbox.$mine.withValue(sandbox) { try await function() }
      } catch is ExpectationFailedError {
        // #require has recorded it.
      } catch {
        // Recorded here, where the logs can be added.
        Issue.record(error, sourceLocation: test.sourceLocation)
      }
    }
  }
}

extension Trait where Self == EndToEnd {
  static var endToEnd: Self { EndToEnd(limit: .seconds(180)) }
  static func endToEnd(limit: Duration) -> Self { EndToEnd(limit: limit) }
}

/// Lets four tests run at a time: they mostly wait, but all of them at once would starve each
/// other.
private actor Turns {
  static let shared = Turns()

  private var free = 4
  private var queue: [CheckedContinuation<Void, Never>] = []

  func take() async {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { queue.append($0) }
    }
  }

  func giveBack() {
    if queue.isEmpty {
      free += 1
    } else {
      queue.removeFirst().resume()
    }
  }
}
