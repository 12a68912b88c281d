import CLinux
import Glibc
import SystemPackage

/// What this process may compute on.
public enum Processors {
  /// How many processors it may use: those of the machine, or fewer (`taskset`). At least one.
  public static var usable: Int { max(1, Int(clinux_usable_processors())) }

  /// Whether fewer threads want to run on the machine, the calling one apart, than it has
  /// processors, at this moment. Also where that can't be known.
  public static var isOneFree: Bool {
    guard let running = running(in: loadAverage) else { return true }
    return running <= max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }

  /// How many threads run or could, from a line as in proc_loadavg(5): "0.20 0.18 0.12 1/80 11206".
  static func running(in line: String) -> Int? {
    let words = line.split(separator: " ")
    guard words.count > 3 else { return nil }
    return words[3].split(separator: "/").first.flatMap { Int($0) }
  }

  private static var loadAverage: String {
    guard let file = try? FileDescriptor.open("/proc/loadavg", .readOnly, options: .closeOnExec)
    else {
      return ""
    }
    defer { try? file.close() }
    return String(unsafeUninitializedCapacity: 128) { space in
      (try? file.read(into: UnsafeMutableRawBufferPointer(space))) ?? 0
    }
  }
}
