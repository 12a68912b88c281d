import Foundation
import SystemPackage

/// A directory of one test, removed with all that is in it.
package final class TemporaryDirectory: Sendable {
  /// Absolute and without symbolic links.
  package let path: String

  package init() throws {
    var template = Array("/tmp/streaming-test.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of an entry, which need not exist.
  package func path(_ name: String) -> String { "\(path)/\(name)" }

  /// The names of all entries.
  package var entries: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }

  /// Makes a file and returns its path.
  @discardableResult
  package func file(_ name: String, _ text: String = "") throws -> String {
    try file(name, Array(text.utf8))
  }

  /// Makes a file of these bytes and returns its path.
  @discardableResult
  package func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    let descriptor = try FileDescriptor.open(
      FilePath(path(name)), .writeOnly, options: [.create, .truncate, .closeOnExec],
      permissions: .ownerReadWrite)
    _ = try descriptor.closeAfter { try descriptor.writeAll(bytes) }
    return path(name)
  }

  /// Makes a FIFO and returns its path.
  @discardableResult
  package func fifo(_ name: String) throws -> String {
    guard mkfifo(path(name), 0o600) == 0 else { throw Errno(rawValue: errno) }
    return path(name)
  }

  /// Makes a symbolic link and returns its path.
  @discardableResult
  package func link(_ name: String, to target: String) throws -> String {
    guard symlink(target, path(name)) == 0 else { throw Errno(rawValue: errno) }
    return path(name)
  }

  /// What a small file holds; nothing if a FIFO stands there.
  package func text(of name: String) throws -> String {
    let descriptor = try FileDescriptor.open(
      FilePath(path(name)), .readOnly, options: [.nonBlocking, .closeOnExec])
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = try descriptor.closeAfter {
      try buffer.withUnsafeMutableBytes { try descriptor.read(into: $0) }
    }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}
