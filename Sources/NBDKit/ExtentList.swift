import CNBDKit
import SystemPackage

/// Extents of a plugin's own: to be kept between requests, or put together before they are an
/// answer.
///
/// They follow each other without a gap from the start of the list's range on.
public struct ExtentList: ~Copyable {
  /// One of them.
  public struct Element: Equatable, Sendable {
    /// In bytes from the start of the disk.
    public let range: Range<UInt64>
    /// What it is.
    public let kind: Extents.Kind
  }

  private let list: OpaquePointer

  /// An empty list.
  ///
  /// - Parameter range: What it is about, in bytes from the start of the disk, up to 2^63 - 1.
  /// - Throws: `ERANGE` for a range beyond that, `ENOMEM`: the server has then printed a line of
  ///   its own. `ENOTSUP` where the server has no such lists.
  ///
  /// C function: `nbdkit_extents_new`.
  public init(of range: Range<UInt64>) throws(PluginError) {
    guard cnbdkit_has_extent_lists() != 0 else {
      throw PluginError(.notSupported, "extents_new: the server is too old: nbdkit 1.32 is needed")
    }
    guard let list = nbdkit_extents_new(range.lowerBound, range.upperBound) else {
      throw PluginError(lastError, "extents: \(range) was not accepted by the server")
    }
    self.list = list
  }

  /// C function: `nbdkit_extents_free`.
  deinit { nbdkit_extents_free(list) }

  /// Appends the extent that follows the last one. What lies outside the list's range is cut off,
  /// and the last extent gets longer if this one is of the same kind.
  ///
  /// - Throws: `ERANGE` where it does not follow, `ENOMEM`; the server has then printed a line of
  ///   its own.
  ///
  /// C function: `nbdkit_add_extent`.
  public mutating func add(_ range: Range<UInt64>, _ kind: Extents.Kind) throws(PluginError) {
    // Not `range.count`, which is an Int and traps beyond 2^63 - 1.
    let length = range.upperBound - range.lowerBound
    guard nbdkit_add_extent(list, range.lowerBound, length, kind.rawValue) == 0 else {
      throw PluginError(lastError, "extents: \(range) was not accepted by the server")
    }
  }

  /// How many there are. C function: `nbdkit_extents_count`.
  public var count: Int { nbdkit_extents_count(list) }

  /// The extent of a number from 0 to `count - 1`; any other number is a mistake of the plugin's
  /// and ends the server.
  ///
  /// C function: `nbdkit_get_extent`.
  public subscript(number: Int) -> Element {
    precondition(number >= 0 && number < count, "there is no extent \(number)")
    let extent = cnbdkit_get_extent(list, number)
    return Element(
      range: extent.offset..<extent.offset + extent.length,
      kind: Extents.Kind(rawValue: extent.type))
  }
}
