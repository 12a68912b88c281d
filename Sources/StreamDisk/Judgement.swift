/// What the end of a stream means.
enum Judgement {
  /// Refuses everything but a whole stream that its client, too, takes for whole.
  ///
  /// - Parameter pump: What failed between the plugin and a file.
  static func check(_ result: Run.Result, pump: Failure?) throws(Failure) {
    if let pump { throw pump }
    guard let report = result.report else {
      throw Failure(serverError(result) ?? clientError(result))
    }
    guard result.client.isSuccess else {
      // A client whose request failed knows least about why it failed.
      let reason = report.outcome == "failed" ? report.error : nil
      throw Failure(reason ?? clientError(result))
    }
    switch report.outcome {
    case "complete": break
    case "failed": throw Failure(report.error ?? "the stream has failed")
    case "short": throw Failure(report.error ?? "the stream is short", status: .short)
    default:
      throw Failure(report.error ?? "it is not known whether the stream is whole", status: .short)
    }
  }

  /// Refuses an image of which qemu-img said that something went wrong: if that happens when the
  /// image is closed, its exit status is 0 all the same.
  static func checkIsSilent(_ result: Run.Result) throws(Failure) {
    let lines = result.clientErrors.split(separator: "\n")
    let error = lines.first {
      $0.hasPrefix("qemu-img: ") && !$0.lowercased().contains("warning: ")
    }
    if let error { throw Failure(String(error)) }
  }

  static func clientError(_ result: Run.Result) -> String {
    if let line = lastLine(result.clientErrors, of: result.clientName) {
      return "\(result.clientName): \(line)"
    }
    switch result.client {
    case .exited(let code): return "\(result.clientName) has failed with status \(code)"
    case .signaled(let number): return "\(result.clientName) was ended by \(name(ofSignal: number))"
    }
  }

  /// The first error that nbdkit reports: later ones are its consequences.
  static func serverError(_ result: Run.Result) -> String? {
    let lines = result.serverErrors.split(separator: "\n")
    guard let line = lines.first(where: { $0.contains("error: ") }) ?? lines.first else {
      return nil
    }
    if line.contains("cannot open plugin") {
      return "nbdkit finds no plugin of the name streaming: install it, or name its file in "
        + "STREAM_DISK_PLUGIN"
    }
    let start = line.firstRange(of: "error: ")?.upperBound ?? line.startIndex
    return "nbdkit: \(line[start...])"
  }
}
