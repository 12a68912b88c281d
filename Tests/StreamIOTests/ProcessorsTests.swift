import Testing

@testable import StreamIO

@Suite("Processors that are free")
struct ProcessorsTests {
  @Test(
    "are counted by how many threads run",
    arguments: [
      ("0.20 0.18 0.12 1/80 11206\n", 1), ("0.00 0.01 0.05 33/517 4\n", 33), ("", nil),
      ("0.20 0.18", nil), ("0.20 0.18 0.12 x/80 11206", nil),
    ])
  func running(line: String, count: Int?) {
    #expect(Processors.running(in: line) == count)
  }
}
