import Testing

/// What random operations have found, as they printed it.
@Suite("Cases found by random operations")
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
}
