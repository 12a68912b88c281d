import CLinux
import SystemPackage

/// Makes pipes large: the larger a pipe is, the less often writer and reader have to wake each
/// other.
enum PipeCapacity {
  /// The system's limit for unprivileged users, in bytes; Linux's default if it can't be read.
  static let limit: Int = {
    let shipped = 1 << 20
    guard
      let file = try? FileDescriptor.open(
        "/proc/sys/fs/pipe-max-size", .readOnly, options: .closeOnExec)
    else { return shipped }
    defer { try? file.close() }
    let digits = [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      count = (try? file.read(into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
    }
    return Int(String(decoding: digits, as: UTF8.self).prefix(while: \.isNumber)) ?? shipped
  }()

  /// Enlarges a pipe as far as allowed: users have a limit on the pages of all their pipes, so half
  /// the size is tried if the whole is refused, and so on. A pipe that is larger already stays so.
  ///
  /// - Returns: What the pipe can hold now in bytes, 0 if it is not a pipe.
  static func enlarge(_ pipe: FileDescriptor) -> Int {
    let current = Int(clinux_pipe_capacity(pipe.rawValue))
    var wanted = limit
    while wanted > current {
      let got = clinux_set_pipe_capacity(pipe.rawValue, Int32(clamping: wanted))
      if got > 0 { return Int(got) }
      wanted /= 2
    }
    return max(current, 0)
  }
}
