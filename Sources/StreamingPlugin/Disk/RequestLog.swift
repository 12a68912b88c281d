import NBDKit
import SystemPackage

/// Why a stream, written or read, refused a request.
protocol RequestRefusal: Error {
  /// What the client is sent.
  var errno: Errno { get }
  /// What happened, and what would be right. In messages it follows the request's name.
  var message: String { get }
  /// Whether nothing that comes later can make the stream right again.
  var isFinal: Bool { get }
  /// Which of a few kinds of refusal it is.
  var kind: Int { get }
}

/// What a stream remembers of its requests, in either direction. It is kept under the stream's
/// lock.
struct RequestLog: Sendable {
  /// How many refusals of one kind are printed: a client that goes on after a failure would fill a
  /// disk with lines.
  private static let mostSaid: UInt64 = 10

  /// When the first request came.
  private(set) var began: Instant?
  /// The first failure that nothing later can make good.
  private(set) var failure: String?
  /// How many requests were answered with an error.
  private(set) var refused: UInt64 = 0
  /// How many of those requests have no line in the log.
  private(set) var unsaid: UInt64 = 0
  private var kinds: [Int: UInt64] = [:]

  mutating func begin() {
    if began == nil { began = .now }
  }

  /// Notes that a request was refused.
  ///
  /// - Parameters:
  ///   - request: The request, as in `write of 512 bytes at offset 0`.
  ///   - message: Used instead of the refusal's own message.
  /// - Returns: The error for nbdkit. It has no message, so that no line is printed, if the stream
  ///   had failed before or if the same was said often enough.
  mutating func refuse(
    _ request: String, _ refusal: some RequestRefusal, saying message: String? = nil
  ) -> PluginError {
    let line = "\(request): \(message ?? refusal.message)"
    refused += 1
    let count = kinds[refusal.kind, default: 0] + 1
    kinds[refusal.kind] = count
    let isSaid = failure == nil && count <= Self.mostSaid
    if !isSaid { unsaid += 1 }
    if refusal.isFinal, failure == nil { failure = line }
    return PluginError(refusal.errno, isSaid ? line : "")
  }
}
