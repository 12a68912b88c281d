public import SystemPackage

/// Why an endpoint can't be used, as a line for the user without the parameter's name.
public struct IOFailure: Error, Equatable, Sendable {
  /// The reason's number.
  public let errno: Errno
  /// What is wrong with which value, and what would be right.
  public let message: String

  /// Makes a failure of its two parts.
  public init(_ errno: Errno, _ message: String) {
    self.errno = errno
    self.message = message
  }
}

extension IOFailure {
  /// The path leads elsewhere than when it was checked.
  static let replaced = IOFailure(.staleNFSFileHandle, "something else came to stand there")
}
