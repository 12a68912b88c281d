import Testing

@testable import StreamDisk

@Suite("Progress")
struct ProgressTests {
  private let line = ProgressLine(
    permille: 453, size: 16 << 30, output: 190 << 20, time: .seconds(21))

  @Test(
    "fits every terminal, and leaves the last column free", arguments: [1, 10, 20, 40, 80, 200])
  func fits(columns: Int) {
    for permille in stride(from: 0, through: 1000, by: 50) {
      for output in [nil, 0, UInt64.max] {
        let line = ProgressLine(
          permille: permille, size: .max, output: output, time: .seconds(100_000))
        #expect(line.text(columns: columns).count <= columns - 1)
      }
    }
  }

  @Test("tells more where there is more room")
  func room() {
    #expect(line.text(columns: 40) == " 45 %  7.2 GiB of 16 GiB, 190 MiB out")
    #expect(
      line.text(columns: 80)
        == " 45 %  [######--------]  7.2 GiB of 16 GiB, 190 MiB out, 353 MiB/s, 25.0 s left")
    #expect(line.text(columns: 200).contains(String(repeating: "#", count: 18) + "-"))
  }

  @Test("is found in what qemu-img and nbdcopy print, and the rest is kept")
  func clients() {
    var client = ClientProgress()
    #expect(client.take("    (0.00/100%)\r    (12.34/100%)\r".utf8) == 123)
    #expect(client.take("42/10".utf8) == nil)
    #expect(client.take("0\n".utf8) == 420)
    #expect(client.take("Content mismatch at offset 512!\n".utf8) == nil)
    #expect(String(decoding: client.text, as: UTF8.self) == "Content mismatch at offset 512!\n")
  }
}
