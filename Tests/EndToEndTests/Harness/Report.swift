import Foundation

/// The JSON object of `report=FILENAME`.
struct Report: Decodable, Equatable {
  var outcome: String
  var direction = "write"
  var bytes: Int
  var missingBytes = 0
  var zeroBytes: Int
  var refusedRequests = 0
  var size: Int?
  var seconds: Double
  var largestReorder: Int
  var exitStatus: Int?
  var error: String?
  var compression: String?
  var outputBytes = 0
  var digest: String?
  var diskDigest: String?

  enum CodingKeys: String, CodingKey {
    case outcome, direction, bytes, size, seconds, error, compression, digest
    case outputBytes = "output_bytes"
    case diskDigest = "disk_digest"
    case zeroBytes = "zero_bytes"
    case missingBytes = "missing_bytes"
    case refusedRequests = "refused_requests"
    case largestReorder = "largest_reorder"
    case exitStatus = "exit_status"
  }
}

extension Report {
  init(_ path: String) throws {
    self = try JSONDecoder().decode(Report.self, from: contents(path))
  }

  init(outcome: String, bytes: Int, zeroBytes: Int, size: Int?) {
    self.init(
      outcome: outcome, bytes: bytes, zeroBytes: zeroBytes, size: size, seconds: 0,
      largestReorder: 0, exitStatus: nil, error: nil)
  }
}
