import Testing

/// What random operations and the fuzzer have found, as they printed it.
@Suite("Cases found by random operations and the fuzzer")
struct FoundCasesTests {
  @Test("a read that ends within held data")
  func readEndsInside() {
    expectAgreement(
      Setup(disk: 2, rewind: 2),
      [
        .write(0..<2),
        .read(0..<1),
      ])
  }

  @Test("a zero that fails ahead of holes that were sent and zeroed before")
  func zeroFromZeroedHole() {
    expectAgreement(
      Setup(disk: 6, rewind: 2),
      [
        .write(4..<6),
        .zero(1..<5),
        .zero(1..<6, .noReader),
      ])
  }
}
