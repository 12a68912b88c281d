import Dispatch
import Glibc
import Synchronization
package import SystemPackage

/// Reads a stream to its end on a thread of its own, as `cat` does.
package final class Reader: Sendable {
  private let ended = DispatchSemaphore(value: 0)
  private let outcome = Mutex<Result<[UInt8], any Error>>(.success([]))

  /// Takes over `descriptor`.
  package convenience init(_ descriptor: FileDescriptor) {
    self.init { descriptor }
  }

  /// Opens a FIFO, which waits for a writer.
  package convenience init(path: String) {
    self.init { try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec) }
  }

  private init(_ open: @escaping @Sendable () throws -> FileDescriptor) {
    DispatchQueue(label: "reader").async {
      let result = Result {
        let descriptor = try open()
        return try descriptor.closeAfter { try readToEnd(descriptor) }
      }
      self.outcome.withLock { $0 = result }
      self.ended.signal()
    }
  }

  /// What came, once the end has come.
  package func bytes() throws -> [UInt8] {
    guard ended.wait(timeout: .now() + .seconds(100)) == .success else {
      throw ReaderError.noEndOfStream
    }
    ended.signal()
    return try outcome.withLock { try $0.get() }
  }
}

package enum ReaderError: Error {
  case noEndOfStream
}

private func readToEnd(_ descriptor: FileDescriptor) throws -> [UInt8] {
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 18)
  while true {
    let count = try buffer.withUnsafeMutableBytes { try descriptor.read(into: $0) }
    if count == 0 { return bytes }
    bytes += buffer[..<count]
  }
}
