import StreamIO
import Testing

@testable import StreamingPlugin

@Suite("A line of progress")
struct ProgressLineTests {
  private let line = ProgressLine(
    bytes: 5 << 28, size: 40 << 30, rate: 412 * 1_048_576, waitingFor: "reader")

  @Test("After the disk's bytes come those of the stream, if that is another number")
  func output() {
    let line = ProgressLine(bytes: 3 << 30, output: 5 << 20, size: 4 << 30)
    #expect(line.text(columns: 200) == "streaming: 3.00 GiB of 4.00 GiB, 5.00 MiB out, 75 %")
    #expect(line.text(columns: 38) == "3.00 GiB of 4.00 GiB, 75 %")
  }

  @Test("Tells bytes, share, rate, time left and who is waited for")
  func whole() {
    #expect(
      line.text(columns: 200)
        == "streaming: 1.25 GiB of 40.0 GiB, 3 %, 412 MiB/s, 1:37 left, waiting for the reader")
  }

  @Test("Tells neither share nor time left where the size is not known")
  func noSize() {
    var line = line
    line.size = nil
    line.waitingFor = nil
    #expect(line.text(columns: 200) == "streaming: 1.25 GiB, 412 MiB/s")
  }

  @Test(
    "Leaves out the less important where the terminal is narrow",
    arguments: [
      (80, "1.25 GiB of 40.0 GiB, 3 %, 412 MiB/s, 1:37 left, waiting for the reader"),
      (60, "1.25 GiB of 40.0 GiB, 3 %, 412 MiB/s, 1:37 left"),
      (39, "1.25 GiB of 40.0 GiB, 3 %, 412 MiB/s"),
      (30, "1.25 GiB of 40.0 GiB, 3 %"), (20, "1.25 GiB of 40.0 GiB"), (8, "1.25 GiB"), (1, "1"),
    ])
  func narrow(columns: Int, text: String) {
    #expect(line.text(columns: columns) == text)
  }

  @Test("Is never longer than it may be", arguments: 1...120)
  func width(columns: Int) {
    #expect(line.text(columns: columns).utf8.count <= columns)
  }

  @Test(
    "Writes a number of bytes with three digits",
    arguments: [
      (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (10_239, "10.0 KiB"),
      (102_399, "100 KiB"), (1_048_063, "1023 KiB"), (1_048_064, "1.00 MiB"),
      (1 << 30, "1.00 GiB"), (Parameters.defaultSize, "8192 PiB"), (.max, "16384 PiB"),
    ] as [(UInt64, String)])
  func bytes(count: UInt64, text: String) {
    #expect(count.written == text)
  }

  @Test(
    "Tells the time left in hours, minutes and seconds, if that is known",
    arguments: [
      (1.0, "0:09 left"), (0.1, nil), (100.0, "0:01 left"), (0, nil), (.infinity, nil),
      (.nan, nil),
    ] as [(Double, String?)])
  func timeLeft(rate: Double, text: String?) {
    let line = ProgressLine(bytes: 1, size: 10, rate: rate.isFinite ? rate : nil)
    let parts = line.text(columns: 200).split(separator: ", ").filter { $0.hasSuffix("left") }
    #expect(parts.first.map(String.init) == text)
  }

  @Test("Of hours too, but not of days")
  func longTimes() {
    var line = ProgressLine(bytes: 0, size: 3600, rate: 1)
    #expect(line.text(columns: 200).hasSuffix("1:00:00 left"))
    line.size = 100 * 3600
    #expect(!line.text(columns: 200).contains("left"))
  }

  @Test("Never says more than 100 %")
  func share() {
    #expect(ProgressLine(bytes: 7, size: 7).text(columns: 200).hasSuffix("100 %"))
    #expect(ProgressLine(bytes: 0, size: .max).text(columns: 200).hasSuffix("0 %"))
    #expect(ProgressLine(bytes: .max, size: .max).text(columns: 200).hasSuffix("100 %"))
    #expect(ProgressLine(bytes: 999, size: 1000).text(columns: 200).hasSuffix("99 %"))
  }

  // MARK: What was seen of late

  @Test("Tells who was waited for most of the time since the last one")
  func waiting() {
    var history = ProgressHistory()
    for waiting in [Gauge.Waiting.client, .otherEnd, .otherEnd, .nobody] { history.note(waiting) }
    let start = Instant(seconds: 100)
    #expect(history.line(0, of: nil, at: start, otherEnd: "writer").waitingFor == "writer")
    history.note(.client)
    #expect(history.line(0, of: nil, at: start, otherEnd: "writer").waitingFor == "client")
    history.note(.nobody)
    #expect(history.line(0, of: nil, at: start, otherEnd: "writer").waitingFor == nil)
    #expect(history.line(0, of: nil, at: start, otherEnd: "writer").waitingFor == nil)
  }

  @Test("Tells the rate of the last ten lines, and none at first")
  func rate() {
    var history = ProgressHistory()
    var rates: [Double?] = []
    for second in 0..<30 {
      let bytes = UInt64(second < 10 ? 0 : (second - 10) * 1000)
      rates.append(
        history.line(bytes, of: nil, at: Instant(seconds: Double(second)), otherEnd: "").rate)
    }
    #expect(rates[0] == nil)
    #expect(rates[10] == 0)
    #expect(rates[15] == 500)
    #expect(rates[29] == 1000)
  }

  // MARK: The last one

  @Test(
    "Ends with the totals, in as many lines as they need",
    arguments: [
      (
        200,
        "streaming: 1.00 GiB in 0:08, 128 MiB/s, 768 MiB of them zeroes, largest reorder 3.00 MiB"
      ),
      (
        40,
        """
        streaming: 1.00 GiB in 0:08, 128 MiB/s,
        768 MiB of them zeroes,
        largest reorder 3.00 MiB
        """
      ),
    ])
  func totals(columns: Int, text: String) {
    var report = Report(.write, size: 1 << 30)
    report.count(sent: 1 << 30, output: 1 << 30, zeroes: 768 << 20)
    report.seconds = 8
    report.largestReorder = 3 << 20
    #expect(ProgressLine.totals(of: report, columns: columns).joined(separator: "\n") == text)
  }
}
