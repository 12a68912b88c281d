import Testing

@testable import StreamIO

@Suite("nbdkit prints to its standard output where it is told to print its URI")
struct PrintedURITests {
  @Test(arguments: [
    (["nbdkit", "--print-uri", "streaming", "-"], true),
    (["nbdkit", "--print", "streaming", "-"], true),
    (["nbdkit", "-f", "--port", "1", "streaming", "-"], false),
    (["nbdkit", "streaming", "-", "--", "--print-uri"], false),
    (["nbdkit", "--", "--print-uri"], false),
  ])
  func prints(arguments: [String], prints: Bool) {
    #expect(ServerArguments.printToOutput(arguments) == prints)
  }

  @Test(
    "and runs a command where it is told to",
    arguments: [
      (["nbdkit", "-U", "-", "streaming", "f", "--run", "true"], true),
      (["nbdkit", "--ru=true", "streaming", "f"], true),
      (["nbdkit", "streaming", "f"], false), (["nbdkit", "-f", "--", "streaming", "--run"], false),
    ])
  func runs(arguments: [String], runs: Bool) {
    #expect(ServerArguments.runACommand(arguments) == runs)
  }
}
