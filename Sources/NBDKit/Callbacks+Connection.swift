import CNBDKit
import SystemPackage

/// How a connection begins and ends, and the questions it is asked before its first request.
extension Callbacks {
  static let open: @convention(c) (Int32) -> UnsafeMutableRawPointer? = { readOnly in
    answer(nil) { try ClientAtHand.opening { try loaded().open(readOnly: readOnly != 0) } }
  }

  static let close: @convention(c) (UnsafeMutableRawPointer?) -> Void = { handle in
    guard let handle else { return }
    LoadedPlugin.current?.close(handle)
  }

  static let getSize: @convention(c) (UnsafeMutableRawPointer?) -> Int64 = { handle in
    answer(-1) {
      let size = try connection(handle).connection.size()
      guard let size = Int64(exactly: size) else {
        throw PluginError(.overflow, "size: \(size) is more than a disk can have: 2^63 - 1 bytes")
      }
      return size
    }
  }

  static let exportDescription: @convention(c) (UnsafeMutableRawPointer?) -> UnsafePointer<CChar>? =
    { handle in
      answer(nil) { try interned(connection(handle).exportDescribing?.exportDescription()) }
    }

  static let blockSize:
    @convention(c) (
      UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<UInt32>?,
      UnsafeMutablePointer<UInt32>?
    ) -> Int32 = { handle, minimum, preferred, maximum in
      status {
        let sizes = try connection(handle).blockSizing?.blockSizes()
        minimum?.pointee = sizes?.minimum ?? 0
        preferred?.pointee = sizes?.preferred ?? 0
        maximum?.pointee = sizes?.maximum ?? 0
      }
    }

  static let isRotational: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = {
    flag($0) { try $0.connection.isRotational() }
  }

  static let canMultiConn: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = {
    flag($0) { try $0.connection.allowsMultipleConnections() }
  }

  static let canWrite: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = {
    flag($0) { try $0.writable?.canWrite() }
  }

  static let canFlush: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = {
    flag($0) { try $0.flushable?.canFlush() }
  }

  static let canZero: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = {
    flag($0) { try $0.zeroable?.canZero() }
  }

  /// Always answers yes, whatever the connection says. If the server did not offer fast zeroes, a
  /// client that asked for one all the same would end the server by an assertion. If the connection
  /// says no, each such request is refused, as the protocol provides for where zeroing is not
  /// faster.
  static let canFastZero: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = {
    flag($0) {
      $0.refusesFastZeroes = try $0.fastZeroable?.canFastZero() == false
      return true
    }
  }

  static let canTrim: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = {
    flag($0) { try $0.trimmable?.canTrim() }
  }

  static let canExtents: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = {
    flag($0) { try $0.extentReporting?.canReportExtents() }
  }

  static let canFUA: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { handle in
    answer(-1) {
      let handle = try connection(handle)
      let access = try handle.forceUnitAccessible?.forceUnitAccess() ?? .unavailable
      // Otherwise nbdkit would flush, and the flush would be refused.
      return access == .emulated && handle.flushable == nil ? NBDKIT_FUA_NONE : access.rawValue
    }
  }

  static let canCache: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { handle in
    answer(-1) { try (connection(handle).cacheable?.caching() ?? .unavailable).rawValue }
  }

  /// Asks a question that is answered by yes or no; no answer counts as no.
  private static func flag(
    _ handle: UnsafeMutableRawPointer?, _ question: (ConnectionHandle) throws -> Bool?
  ) -> Int32 {
    answer(-1) { try question(connection(handle)) == true ? 1 : 0 }
  }
}
