import CNBDKit

/// What a client asked for besides the request itself.
public struct RequestFlags: OptionSet, Sendable {
  /// The bits as nbdkit passes them.
  public let rawValue: UInt32

  /// Takes nbdkit's bits as they are; unknown ones are kept.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// The range may become a hole. C constant: `NBDKIT_FLAG_MAY_TRIM`.
  public static let mayTrim = RequestFlags(rawValue: UInt32(NBDKIT_FLAG_MAY_TRIM))
  /// Answer only when this request's bytes are safe. C constant: `NBDKIT_FLAG_FUA`.
  public static let forceUnitAccess = RequestFlags(rawValue: UInt32(NBDKIT_FLAG_FUA))
  /// Refuse if it would not be fast. No connection sees this flag, see ``FastZeroable``.
  static let fastZero = RequestFlags(rawValue: UInt32(NBDKIT_FLAG_FAST_ZERO))
  /// One extent is enough. C constant: `NBDKIT_FLAG_REQ_ONE`.
  public static let requestOne = RequestFlags(rawValue: UInt32(NBDKIT_FLAG_REQ_ONE))
}
