import SystemPackage

/// What the server was started with.
public enum ServerArguments {
  /// All arguments, from the kernel: Swift's own list is not set in a library. `nil` if there is no
  /// `/proc`.
  public static var all: [String]? {
    guard
      let file = try? FileDescriptor.open(
        "/proc/self/cmdline", .readOnly, options: .closeOnExec)
    else { return nil }
    defer { try? file.close() }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while let count = try? buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
      bytes += buffer[..<count]
    }
    return bytes.split(separator: 0, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether nbdkit prints to its standard output by itself (1.40 and newer).
  public static var printToOutput: Bool { printToOutput(all ?? []) }

  /// The same for any arguments. nbdkit has read them already, so what is an abbreviation here is
  /// an unambiguous one.
  static func printToOutput(_ arguments: [String]) -> Bool {
    arguments.prefix { $0 != "--" }.contains { argument in
      argument.hasPrefix("--pr") && "--print-uri".hasPrefix(argument)
    }
  }

  /// Whether nbdkit becomes another user. Short options may stand in one word, up to one that takes
  /// a value.
  static func changeUser(_ arguments: [String]) -> Bool {
    arguments.prefix { $0 != "--" }.contains { argument in
      if argument.hasPrefix("--") {
        return argument.hasPrefix("--us") && "--user".hasPrefix(argument.prefix { $0 != "=" })
      }
      guard argument.hasPrefix("-") else { return false }
      let takingValues = "DegiIPptUu"
      return argument.dropFirst().first { takingValues.contains($0) } == "u"
    }
  }

  /// Whether the process that was started waits for a command, and another one serves. A server
  /// that goes into the background has lost the process that it was started as, and must not end
  /// with it.
  static var runACommand: Bool { runACommand(all ?? []) }

  /// The same for any arguments.
  static func runACommand(_ arguments: [String]) -> Bool {
    arguments.prefix { $0 != "--" }.contains { argument in
      argument.hasPrefix("--ru") && "--run".hasPrefix(argument.prefix { $0 != "=" })
    }
  }
}
