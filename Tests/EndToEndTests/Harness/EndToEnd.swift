import Testing

/// Gives each test a `Sandbox` of its own, a turn among the few that run at once, and an end:
/// a test that takes longer than its limit fails and its processes are killed.
struct EndToEnd: SuiteTrait, TestTrait, TestScoping {
  let limit: Duration

  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    // The limit starts with the turn: the traits' own time limit would count the wait for it.
    await Turns.shared.take()
    do {
      try await perform(function, for: test, testCase)
    } catch {
      await Turns.shared.giveBack()
      throw error
    }
    await Turns.shared.giveBack()
  }

  private func perform(
    _ function: @Sendable () async throws -> Void, for test: Test, _ testCase: Test.Case?
  ) async throws {
    let sandbox = try await Sandbox()
    let logs = IssueHandlingTrait.compactMapIssues { issue in
      var issue = issue
      issue.comments += [Comment(rawValue: sandbox.logs)]
      return issue
    }
    let outcome: Result<Void, any Error>
    do {
      try await logs.provideScope(for: test, testCase: testCase) {
        let watchdog = Task {
          try await Task.sleep(for: limit)
          Issue.record("still running after \(limit)")
          sandbox.kill()
        }
        defer { watchdog.cancel() }
        try await Sandbox.$mine.withValue(sandbox) { try await function() }
      }
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    await sandbox.close()
    try outcome.get()
  }
}

extension Trait where Self == EndToEnd {
  static var endToEnd: Self { EndToEnd(limit: .seconds(90)) }
  static func endToEnd(limit: Duration) -> Self { EndToEnd(limit: limit) }
}

/// Lets four tests run at a time: they mostly wait, but all of them at once would starve each other.
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
