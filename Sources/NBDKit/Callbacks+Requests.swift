import CNBDKit
import SystemPackage

/// What a client asks for. None of it allocates, unless it fails.
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
      // nbdkit answers ENOTSUP by writing the zeroes itself: all of them at the request's start, in
      // turns of 64 MiB. So it was in 1.32, and is in 1.42.
      return try supported(.ioError) {
        guard mustBeFast else {
          try zeroable.zero(count: count, at: offset, flags: flags)
          return 0
        }
        guard
          !handle.refusesFastZeroes,
          try handle.fastZeroable?.zeroIfFast(count: count, at: offset, flags: flags) == true
        else {
          // No failure, so no line; nbdkit passes it on to the client.
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
      // nbdkit asks for this: a flag to come may be one that must be honoured.
      guard flags == 0 else {
        throw PluginError(.invalidArgument, "cache: flags \(flags) are not known")
      }
      try connection(handle).cacheable?.cache(count: count, at: offset)
    }
  }

  /// Does what a connection was asked for, with `errno` in the place of `ENOTSUP` where it fails with
  /// that. nbdkit has a meaning of its own for it where it zeroes, which it does by writing and
  /// flushing too: an assertion ends the server where one of these fails with it.
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
