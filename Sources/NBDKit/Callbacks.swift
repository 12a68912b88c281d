import CNBDKit
import SystemPackage

/// The C side of the plugin: the only place where nbdkit's pointers are touched.
///
/// Each callback finds its object, lends the buffer and turns the outcome into a status: 0, or -1
/// with errno set and a line printed.
enum Callbacks {
  // MARK: Life cycle

  static let config: @convention(c) (UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Int32 = {
    key, value in
    guard let key, let value else { return -1 }
    return status {
      let key = String(cString: key)
      // Repaired it would be another value, and often name another file.
      guard let value = String(validatingCString: value) else {
        throw PluginError(.invalidArgument, "\(key)=\(String(cString: value)): not UTF-8")
      }
      try loaded().plugin.configure(key, value)
    }
  }

  static let configComplete: @convention(c) () -> Int32 = {
    status { try loaded().plugin.configurationComplete() }
  }

  static let getReady: @convention(c) () -> Int32 = {
    status { try loaded().plugin.getReady() }
  }

  static let afterFork: @convention(c) () -> Int32 = {
    status { try loaded().afterFork() }
  }

  static let cleanup: @convention(c) () -> Void = {
    LoadedPlugin.current?.cleanup()
  }

  static let dumpPlugin: @convention(c) () -> Void = {
    for (key, value) in LoadedPlugin.current?.plugin.dumpFields() ?? [] {
      print("\(key)=\(value)")
    }
  }

  // MARK: Connections

  static let preconnect: @convention(c) (Int32) -> Int32 = { readOnly in
    status { try loaded().plugin.preconnect(readOnly: readOnly != 0) }
  }

  static let open: @convention(c) (Int32) -> UnsafeMutableRawPointer? = { readOnly in
    do {
      return try loaded().open(readOnly: readOnly != 0)
    } catch {
      Server.report(PluginError(any: error))
      return nil
    }
  }

  static let close: @convention(c) (UnsafeMutableRawPointer?) -> Void = { handle in
    guard let handle else { return }
    LoadedPlugin.current?.close(handle)
  }

  static let getSize: @convention(c) (UnsafeMutableRawPointer?) -> Int64 = { handle in
    do {
      let size = try connection(handle).connection.size()
      guard let size = Int64(exactly: size) else {
        throw PluginError(.overflow, "size: \(size) is more than a disk can have: 2^63 - 1 bytes")
      }
      return size
    } catch {
      Server.report(PluginError(any: error))
      return -1
    }
  }

  static let canFUA: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { _ in NBDKIT_FUA_NATIVE }

  // MARK: Requests

  static let pread:
    @convention(c) (
      UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UInt32, UInt64, UInt32
    ) -> Int32 = { handle, buffer, count, offset, _ in
      status {
        let memory = UnsafeMutableRawBufferPointer(start: buffer, count: Int(count))
        var span = OutputRawSpan(buffer: memory, initializedCount: 0)
        try connection(handle).connection.read(into: &span, at: offset)
        let filled = span.finalize(for: memory)
        guard filled == memory.count else {
          throw PluginError(.ioError, "read: \(filled) of \(count) bytes at \(offset) were given")
        }
      }
    }

  static let pwrite:
    @convention(c) (
      UnsafeMutableRawPointer?, UnsafeRawPointer?, UInt32, UInt64, UInt32
    ) -> Int32 = { handle, buffer, count, offset, flags in
      status {
        guard let writable = try connection(handle).writable else { throw Errno.readOnlyFileSystem }
        let bytes = UnsafeRawBufferPointer(start: buffer, count: Int(count)).bytes
        try writable.write(bytes, at: offset, flags: RequestFlags(rawValue: flags))
      }
    }

  static let flush: @convention(c) (UnsafeMutableRawPointer?, UInt32) -> Int32 = { handle, _ in
    status { try connection(handle).flushable?.flush() }
  }

  static let zero: @convention(c) (UnsafeMutableRawPointer?, UInt32, UInt64, UInt32) -> Int32 = {
    handle, count, offset, flags in
    status {
      guard let zeroable = try connection(handle).zeroable else { throw Errno.readOnlyFileSystem }
      do {
        try zeroable.zero(count: count, at: offset, flags: RequestFlags(rawValue: flags))
      } catch {
        var error = PluginError(any: error)
        // nbdkit 1.32 answers this one by writing zeroes from the request's start.
        if error.errno == .notSupported { error.errno = .ioError }
        throw error
      }
    }
  }

  static let trim: @convention(c) (UnsafeMutableRawPointer?, UInt32, UInt64, UInt32) -> Int32 = {
    handle, count, offset, flags in
    status {
      try connection(handle).trimmable?
        .trim(count: count, at: offset, flags: RequestFlags(rawValue: flags))
    }
  }

  static let extents:
    @convention(c) (
      UnsafeMutableRawPointer?, UInt32, UInt64, UInt32, OpaquePointer?
    ) -> Int32 = { handle, count, offset, flags, list in
      status {
        guard let reporting = try connection(handle).extentReporting, let list else {
          throw Errno.invalidArgument
        }
        var extents = Extents(list: list)
        try reporting.extents(
          count: count, at: offset, flags: RequestFlags(rawValue: flags), into: &extents)
      }
    }

  // MARK: Helpers

  private static func loaded() throws(PluginError) -> LoadedPlugin {
    guard let current = LoadedPlugin.current else {
      throw PluginError(.invalidArgument, "the plugin failed to load")
    }
    return current
  }

  /// The object behind a handle; kept alive by the server, which closes it after its last request.
  private static func connection(
    _ handle: UnsafeMutableRawPointer?
  ) throws(PluginError) -> ConnectionHandle {
    guard let handle else { throw PluginError(.invalidArgument, "no connection") }
    return Unmanaged<ConnectionHandle>.fromOpaque(handle).takeUnretainedValue()
  }

  private static func status(_ body: () throws -> Void) -> Int32 {
    do {
      try body()
      return 0
    } catch {
      Server.report(PluginError(any: error))
      return -1
    }
  }
}
