import CNBDKit
import SystemPackage

/// The requests of a client. None of them allocates memory, unless it fails.
extension Callbacks {
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
        try supported(.invalidArgument) {
          try writable.write(bytes, at: offset, flags: RequestFlags(rawValue: flags))
        }
      }
    }

  static let flush: @convention(c) (UnsafeMutableRawPointer?, UInt32) -> Int32 = { handle, _ in
    status {
      let flushable = try connection(handle).flushable
      try supported(.invalidArgument) { try flushable?.flush() }
    }
  }

  static let zero: @convention(c) (UnsafeMutableRawPointer?, UInt32, UInt64, UInt32) -> Int32 = {
    handle, count, offset, flags in
    answer(-1) {
      let handle = try connection(handle)
      guard let zeroable = handle.zeroable else { throw Errno.readOnlyFileSystem }
      var flags = RequestFlags(rawValue: flags)
      let mustBeFast = flags.remove(.fastZero) != nil
      // If this fails with ENOTSUP, nbdkit writes the zeroes itself, 64 MiB at a time, but each
      // time at the start of the request. It did so in 1.32, and still does in 1.42.
      return try supported(.ioError) {
        guard mustBeFast else {
          try zeroable.zero(count: count, at: offset, flags: flags)
          return 0
        }
        guard
          !handle.refusesFastZeroes,
          try handle.fastZeroable?.zeroIfFast(count: count, at: offset, flags: flags) == true
        else {
          // This is not a failure, so no line is printed; nbdkit passes the errno on to the client.
          nbdkit_set_error(Errno.notSupported.rawValue)
          return -1
        }
        return 0
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
        var extents = Extents(list: list, end: offset &+ UInt64(UInt32.max))
        try reporting.extents(
          count: count, at: offset, flags: RequestFlags(rawValue: flags), into: &extents)
      }
    }

  static let cache: @convention(c) (UnsafeMutableRawPointer?, UInt32, UInt64, UInt32) -> Int32 = {
    handle, count, offset, flags in
    status {
      // nbdkit asks for this check: a flag that is added later may be one that must be honoured.
      guard flags == 0 else {
        throw PluginError(.invalidArgument, "cache: flags \(flags) are not known")
      }
      try connection(handle).cacheable?.cache(count: count, at: offset)
    }
  }

  /// Does what a connection was asked to do, but fails with `errno` where that would fail with
  /// `ENOTSUP`. nbdkit gives `ENOTSUP` a meaning of its own when it zeroes, and it zeroes by
  /// writing and flushing too: an assertion ends the server if one of these fails with it.
  private static func supported<Answer>(
    _ errno: Errno, _ body: () throws -> Answer
  ) throws -> Answer {
    do { return try body() } catch {
      var error = PluginError(any: error)
      if error.errno == .notSupported { error.errno = errno }
      throw error
    }
  }
}
