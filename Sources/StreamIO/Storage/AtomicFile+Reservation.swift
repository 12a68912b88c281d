import Glibc
import StreamCore
import SystemPackage

extension AtomicFile {
  /// The file beside the one that will be written, locked as long as this process lives. A file
  /// that a killed process has left is no longer locked, and is used again.
  struct Reservation: Sendable {
    static let refusal = Failure(
      .resourceBusy, "another nbdkit will write this file at its end: give each one of its own")

    private let path: String
    private let part: String
    private let file: FileDescriptor

    /// Whether another process has `path`. This changes nothing.
    static func isTaken(_ path: String) -> Bool {
      // The open must not wait, for example if the file is a FIFO.
      guard
        let file = try? FileDescriptor.open(
          partName(path), .readOnly, options: [.noFollow, .nonBlocking, .closeOnExec])
      else { return false }
      defer { try? file.close() }
      return flock(file.rawValue, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    init(_ path: String) throws(Failure) {
      self.path = path
      part = Self.partName(path)
      while true {
        let file = try Self.open(part)
        if try Self.lock(file, part) {
          self.file = file
          return
        }
        // The process that had it has put it in its place, or removed it, since it was opened.
        try? file.close()
      }
    }

    /// The name is not made of the whole name at `path`, which may be as long as names can be.
    private static func partName(_ path: String) -> String {
      let (directory, name) = AtomicFile.parts(of: path)
      // FNV-1a: the same in every process.
      let hash = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
        ($0 ^ UInt64($1)) &* 0x100_0000_01b3
      }
      return "\(directory)/.nbdkit-streaming.\(String(hash, radix: 16))"
    }

    private static func open(_ part: String) throws(Failure) -> FileDescriptor {
      do {
        return try FileDescriptor.open(
          part, .readWrite,
          options: [.create, .noFollow, .nonBlocking, .closeOnExec],
          permissions: [.ownerReadWrite, .groupRead, .otherRead])
      } catch {
        throw Failure(error as? Errno ?? .ioError, "can't be written: \(error)")
      }
    }

    /// Whether a process may have been killed while it wrote this: all files that are written are
    /// JSON objects.
    private static func beginsAsLeft(_ file: FileDescriptor) throws -> Bool {
      var byte: UInt8 = 0
      let count = try withUnsafeMutableBytes(of: &byte) {
        try file.read(fromAbsoluteOffset: 0, into: $0)
      }
      return count == 1 && byte == UInt8(ascii: "{")
    }

    /// - Returns: False if what was locked is no longer there.
    private static func lock(_ file: FileDescriptor, _ part: String) throws(Failure) -> Bool {
      do {
        while flock(file.rawValue, LOCK_EX | LOCK_NB) != 0 {
          guard errno == EINTR else {
            throw errno == EWOULDBLOCK
              ? Self.refusal
              : Failure(Errno(rawValue: errno), "can't be written: \(Errno(rawValue: errno))")
          }
        }
        let status = try FileStatus(file)
        guard let there = try? FileStatus(link: part), there.identity == status.identity else {
          return false
        }
        guard status.kind == .regularFile, status.owner == geteuid(),
          try status.size == 0 || beginsAsLeft(file)
        else {
          throw Failure(
            .fileExists, "can't be written: '\(part)' is there and is not the plugin's: remove it")
        }
        while try FileStatus(file).size > 0, ftruncate(file.rawValue, 0) != 0 {
          guard errno == EINTR else { throw Errno(rawValue: errno) }
        }
        return true
      } catch {
        try? file.close()
        throw error as? Failure ?? Failure(.ioError, "can't be written: \(error)")
      }
    }

    /// Writes `text` and puts the file in its place.
    func write(_ text: String) throws(Failure) {
      do {
        // Once the file is on the disk, closing it has nothing more to report.
        defer { try? file.close() }
        do {
          try file.writeAll(text.utf8)
          while fsync(file.rawValue) != 0 {
            guard errno == EINTR else { throw Errno(rawValue: errno) }
          }
          guard isThere else { throw Errno.staleNFSFileHandle }
          guard rename(part, path) == 0 else { throw Errno(rawValue: errno) }
        } catch {
          if isThere { unlink(part) }
          throw error
        }
      } catch {
        throw Failure(error as? Errno ?? .ioError, "can't be written: \(error)")
      }
    }

    /// Whether the file was not replaced by something else.
    private var isThere: Bool {
      guard let there = try? FileStatus(link: part), let own = try? FileStatus(file) else {
        return false
      }
      return there.identity == own.identity
    }
  }
}
