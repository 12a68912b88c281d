public import StreamCore
public import SystemPackage

extension Failure {
  /// Makes a failure from its two parts.
  public init(_ number: Errno, _ reason: String) {
    self.init(errno: number.rawValue, reason: reason)
  }

  /// The system's number for the reason.
  public var number: Errno { Errno(rawValue: errno) }

  /// The path leads elsewhere than when it was checked.
  static let replaced = Failure(.staleNFSFileHandle, "something else has taken its place")
}
