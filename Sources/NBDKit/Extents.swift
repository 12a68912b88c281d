import CNBDKit
import SystemPackage

/// The answer to an extents request, lent to the callback that fills it.
public struct Extents: ~Copyable, ~Escapable {
  /// What a range of the disk is. C constants: `NBDKIT_EXTENT_HOLE`, `NBDKIT_EXTENT_ZERO`.
  public struct Kind: OptionSet, Sendable {
    /// The bits as nbdkit takes them.
    public let rawValue: UInt32

    /// Takes nbdkit's bits as they are.
    public init(rawValue: UInt32) {
      self.rawValue = rawValue
    }

    /// Allocated, with any content.
    public static let data: Kind = []
    /// Not allocated.
    public static let hole = Kind(rawValue: UInt32(NBDKIT_EXTENT_HOLE))
    /// Reads as zeroes.
    public static let zero = Kind(rawValue: UInt32(NBDKIT_EXTENT_ZERO))
  }

  private let list: OpaquePointer
  /// Where the longest extent ends that a client can be sent.
  private let end: UInt64

  /// - Parameter end: The request's start and 2^32 - 1. nbdkit 1.32 ends by an assertion where a
  ///   request as long as that is answered with a longer extent.
  @_lifetime(immortal)
  init(list: OpaquePointer, end: UInt64) {
    self.list = list
    self.end = end
  }

  /// Appends the extent that follows the last one.
  ///
  /// - Parameters:
  ///   - range: In bytes from the start of the disk; may begin before what was asked for and end
  ///     after it or after the disk, the server cuts it.
  ///   - kind: What the range is.
  /// - Throws: `ERANGE` where the extent does not follow the one before, `ENOMEM`; the server has
  ///   then printed a line of its own.
  ///
  /// C function: `nbdkit_add_extent`.
  public mutating func add(_ range: Range<UInt64>, _ kind: Kind) throws(PluginError) {
    guard range.lowerBound < end else { return }
    // Not `range.count`, which is an Int and traps beyond 2^63 - 1.
    let length = min(range.upperBound, end) - range.lowerBound
    guard nbdkit_add_extent(list, range.lowerBound, length, kind.rawValue) == 0 else {
      throw PluginError(lastError, "extents: \(range) was not accepted by the server")
    }
  }

  /// Appends all of a list, which begins where the request does or before, or goes on where the
  /// last extent ends.
  ///
  /// - Throws: As ``add(_:_:)``.
  public mutating func add(_ list: borrowing ExtentList) throws(PluginError) {
    for number in 0..<list.count {
      let extent = list[number]
      try add(extent.range, extent.kind)
    }
  }
}
