import Testing

@testable import StreamDisk

@Suite("The judgement")
struct JudgementTests {
  @Test("is whole only if the plugin says complete and the client has succeeded")
  func whole() throws { try Judgement.check(result("complete"), pump: nil) }

  @Test("is 3 for what is short or not known", arguments: ["short", "unknown", "something new"])
  func short(outcome: String) { #expect(status(result(outcome)) == .short) }

  @Test("is 1 for what failed, and the plugin's reason is told")
  func failed() {
    #expect(
      failure(result("failed", error: "the reader has gone"))?.message == "the reader has gone")
  }

  @Test("is 1 if the client failed, whatever the plugin says", arguments: ["complete", "short"])
  func client(outcome: String) {
    var result = result(outcome)
    result.client = .exited(1)
    result.clientErrors = "qemu-img: error while reading at byte 512: Input/output error\n"
    #expect(
      failure(result)
        == Failure("qemu-img: error while reading at byte 512: Input/output error"))
    result.clientErrors = ""
    result.client = .signaled(9)
    #expect(failure(result)?.message == "qemu-img was ended by SIGKILL")
  }

  @Test("is 1 without a report, and tells nbdkit's first error")
  func noReport() {
    var result = result("complete")
    result.report = nil
    result.serverErrors = "nbdkit: error: compress=zstd: unknown parameter\nUse 'nbdkit --help'\n"
    #expect(failure(result) == Failure("nbdkit: compress=zstd: unknown parameter"))
    result.serverErrors = "nbdkit: error: cannot open plugin 'streaming': no such file\n"
    #expect(failure(result)?.message.contains("STREAM_DISK_PLUGIN") == true)
  }

  @Test("is 1 if the file could not be written, complete or not")
  func pump() {
    let full = Failure("out: No space left on device")
    #expect(throws: full) { try Judgement.check(result("complete"), pump: full) }
  }

  @Test("changes a report that was complete before what came after failed")
  func report() throws {
    let text = #"{"version": 1, "outcome": "complete", "bytes": 5, "error": null}"#
    let changed = Report.text(text, failedWith: #"out: "full""#)
    let report = try Report(parsing: Array(changed.utf8))
    #expect(report.outcome == "failed")
    #expect(report.error == #"out: "full""#)
  }

  @Test("reads reports that have other keys")
  func keys() throws {
    let report = try Report(
      parsing: Array(
        #"{"version": 2, "outcome": "complete", "size": 9, "disk_digest": "sha256:00", "new": [1]}"#
          .utf8))
    #expect(report.size == 9)
    #expect(report.diskDigest == "sha256:00")
  }

  private func result(_ outcome: String, error: String? = nil) -> Run.Result {
    Run.Result(
      client: .exited(0), clientName: "qemu-img", report: Report(outcome: outcome, error: error))
  }

  private func failure(_ result: Run.Result) -> Failure? {
    do { try Judgement.check(result, pump: nil) } catch { return error }
    return nil
  }

  private func status(_ result: Run.Result) -> Status? { failure(result)?.status }
}
