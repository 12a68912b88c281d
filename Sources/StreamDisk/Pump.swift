internal import Glibc
internal import Synchronization
internal import SystemPackage

/// Carries the stream between a pipe and a file, which the plugin does not take for an endpoint, so
/// that nothing is overwritten by mistake there. It runs on a thread of its own.
final class Pump: Sendable {
  private let from: FileDescriptor
  private let into: FileDescriptor
  private let name: String
  private let keepsHoles: Bool
  private let count = Atomic<UInt64>(0)
  private let task = Mutex<Task<Failure?, Never>?>(nil)
  private let failed = Mutex<Failure?>(nil)

  /// - Parameters:
  ///   - name: The file's name, for messages.
  ///   - keepsHoles: Whether zeroes become holes: `into` is a new regular file.
  init(from: FileDescriptor, into: FileDescriptor, name: String, keepsHoles: Bool = false) {
    self.from = from
    self.into = into
    self.name = name
    self.keepsHoles = keepsHoles
  }

  /// Begins with `beginning`, which was read before. Closes both descriptors at the end.
  func start(beginning: [UInt8] = []) {
    task.withLock {
      $0 = Task { await waiting { self.run(beginning) } }
    }
  }

  /// Bytes so far.
  var bytes: UInt64 { count.load(ordering: .relaxed) }

  /// Why the stream could not be carried on, if that is known by now.
  var failure: Failure? { failed.withLock { $0 } }

  /// Waits for the end of the stream.
  func end() async -> Failure? {
    await task.withLock { $0 }?.value
  }

  private func run(_ beginning: [UInt8]) -> Failure? {
    let failure = carry(beginning)
    // Whoever sees the end of the stream can see the failure, too.
    failed.withLock { $0 = failure }
    try? from.close()
    do {
      // Some file systems report only now what they could not write.
      if failure == nil, FileStatus(into.rawValue)?.kind == .regular { try waitForDisk(into) }
      try into.close()
    } catch {
      return failure ?? Failure(name, error as? Errno ?? .ioError)
    }
    return failure
  }

  private func carry(_ beginning: [UInt8]) -> Failure? {
    do {
      try beginning.withUnsafeBytes { try put($0) }
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
      defer { buffer.deallocate() }
      while true {
        let got = try from.read(into: buffer)
        if got == 0 { break }
        try put(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
      }
      if keepsHoles { try into.resize(to: Int64(bytes)) }
      return nil
    } catch {
      // A reader that took no more reports the reason itself.
      return error as? Errno == .brokenPipe ? nil : Failure(name, error as? Errno ?? .ioError)
    }
  }

  private func put(_ bytes: UnsafeRawBufferPointer) throws {
    var at = 0
    while at < bytes.count {
      let piece = UnsafeRawBufferPointer(rebasing: bytes[at..<min(at + 1 << 16, bytes.count)])
      if keepsHoles, isZero(piece) {
        try into.seek(offset: Int64(piece.count), from: .current)
      } else {
        try into.writeAll(piece)
      }
      at += piece.count
    }
    count.add(UInt64(bytes.count), ordering: .relaxed)
  }

  private func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let start = bytes.baseAddress, bytes[0] == 0 else { return bytes.isEmpty }
    return memcmp(start, start + 1, bytes.count - 1) == 0
  }
}
