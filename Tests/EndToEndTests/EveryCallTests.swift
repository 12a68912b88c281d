import Testing

/// Each call of a stream in turn goes wrong once, from the first to the last: Scripts/hostile.
@Suite(.endToEnd(limit: .seconds(300)), .requires("nbdkit", "python3"))
struct EveryCallTests {
  @Test("A call that fails to send, whichever, is that request's error and the end of the stream")
  func sending() async throws {
    try await play("sending")
  }

  @Test("A call that fails to take, whichever, is an error for good and never a wrong byte")
  func receiving() async throws {
    try await play("receiving")
  }

  @Test("A call that a signal interrupts, whichever, in either direction, changes nothing")
  func interrupted() async throws {
    try await play("interrupted")
  }

  private func play(_ kind: String) async throws {
    try await playHostile("failing_calls.py", "--faults", try Plugin.nested("Faults"), kind)
  }
}
