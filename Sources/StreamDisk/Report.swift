internal import FoundationEssentials

/// The plugin's report on what became of the stream. Keys that are not known here are ignored, as
/// its manual page asks.
struct Report: Decodable, Equatable {
  var outcome: String
  var size: UInt64?
  var bytes: UInt64?
  var missingBytes: UInt64?
  var format: String?
  var compression: String?
  var outputBytes: UInt64?
  /// `sha256:` and the digest of the stream.
  var digest: String?
  /// `sha256:` and the digest of the disk.
  var diskDigest: String?
  var error: String?

  /// How the stream is compressed, if it is in a way that is known here.
  var compressed: Compression? { compression.flatMap(Compression.init(rawValue:)) }

  init(outcome: String, error: String? = nil) {
    self.outcome = outcome
    self.error = error
  }

  init(parsing text: [UInt8]) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(Report.self, from: Data(text))
  }

  /// The report that `write --report` made, which `--report-of` names.
  init(of path: String) throws(Failure) {
    let text = try contents(of: path)
    guard let report = try? Report(parsing: text) else {
      throw Failure("\(path): is not the report of a stream")
    }
    self = report
  }

  /// Refuses a report that is not about a whole disk.
  func checkWhole(_ path: String) throws(Failure) {
    guard outcome == "complete" else {
      throw Failure("\(path): the stream it reports on is not whole but \(outcome)")
    }
  }
}

extension Report {
  /// The report's text, with its judgement changed if what came after the plugin failed.
  static func text(_ text: String, failedWith reason: String) -> String {
    text.replacing(#""outcome": "complete""#, with: #""outcome": "failed""#)
      .replacing(#""error": null"#, with: #""error": \#(jsonString(reason))"#)
  }

  static func jsonString(_ text: String) -> String {
    let encoded = (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) }
    return encoded ?? "null"
  }
}
