import CFakeNBDKit
public import SystemPackage

/// The failure of a callback.
public struct Refusal: Error, Equatable {
  /// What the client is sent: `EIO` where the callback set none, as in nbdkit.
  public let errno: Errno
  /// The lines the callback printed.
  public let lines: [String]

  /// What a test expects.
  public init(_ errno: Errno, _ lines: String...) {
    self.init(errno, lines)
  }

  init(_ errno: Errno, _ lines: [String]) {
    self.errno = errno
    self.lines = lines
  }
}

/// Calls a callback, for a client if there is one, and throws what it reported if it failed.
func succeed<Callback>(
  _ callback: Callback?, as client: FakeClient.Context? = nil, _ call: (Callback) -> Int32
) throws(Refusal) {
  _ = try answer(callback, as: client, call)
}

/// The same for a callback that answers with a number, where less than 0 is a failure.
func answer<Callback, Answer: BinaryInteger>(
  _ callback: Callback?, as client: FakeClient.Context? = nil, _ call: (Callback) -> Answer
) throws(Refusal) -> Answer {
  guard let callback else { throw Refusal(.noFunction, "the plugin has no such callback") }
  let before = FakeServer.errors.count
  fake_clear_error_number()
  let answer = client?.atHand { call(callback) } ?? call(callback)
  if answer >= 0 { return answer }
  let number = fake_error_number()
  throw Refusal(
    number == 0 ? .ioError : Errno(rawValue: number), Array(FakeServer.errors[before...]))
}
