import Testing

@testable import StreamingPlugin

@Suite("nbdkit's arguments tell whether it stays in the foreground")
struct ForegroundTests {
  @Test(
    "It does with any of these",
    arguments: [
      "-f", "-s", "-fv", "-rf", "-v -U sock -f", "--foreground", "--no-fork", "--single", "--stdin",
      "--run command", "--run=command", "--ru command", "--exit-with-parent", "--for",
      "-Usock -f", "streaming out -f", "-i 127.0.0.1 -p 10809 -s",
    ])
  func stays(arguments: String) {
    #expect(CommandLine.staysInForeground(words(arguments)))
  }

  @Test(
    "But not with others, or where these are only values",
    arguments: [
      "", "-v", "-U -f", "-Uf", "-ef", "-u s", "--filter=foreground", "--verbose", "-P file",
      "-- -f",
      "streaming -", "file=-f", "-vUs", "--read-only", "--port=run",
    ])
  func leaves(arguments: String) {
    #expect(!CommandLine.staysInForeground(words(arguments)))
  }

  @Test("Those of this process are known")
  func own() throws {
    let arguments = try #require(CommandLine.ofProcess)
    #expect(arguments.first?.isEmpty == false)
  }

  private func words(_ arguments: String) -> [String] {
    ["nbdkit"] + arguments.split(separator: " ").map(String.init) + ["streaming", "out"]
  }
}
