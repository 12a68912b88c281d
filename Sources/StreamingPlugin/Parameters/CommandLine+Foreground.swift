import SystemPackage

extension CommandLine {
  /// Whether nbdkit, started with these arguments, goes on as the process that was started or a child
  /// of it, with its standard error: it does not tell a plugin.
  ///
  /// nbdkit has read them already, so what is an abbreviation here is an unambiguous one.
  static func staysInForeground(_ arguments: some Sequence<String>) -> Bool {
    var rest = arguments.makeIterator()
    _ = rest.next()
    while let argument = rest.next() {
      if argument == "--" { break }
      if argument.hasPrefix("--") {
        let name = argument.dropFirst(2).prefix { $0 != "=" }
        let staying = ["foreground", "no-fork", "single", "stdin", "run", "exit-with-parent"]
        if staying.contains(where: { $0.hasPrefix(name) }) { return true }
      } else if argument.hasPrefix("-") {
        var letters = argument.dropFirst()
        while let letter = letters.popFirst() {
          if letter == "f" || letter == "s" { return true }
          guard "DegipPtuU".contains(letter) else { continue }
          // The rest is its value, or the next argument.
          if letters.isEmpty { _ = rest.next() }
          break
        }
      }
    }
    return false
  }

  /// The arguments of this process, from the kernel: Swift's own are not set in a library. `nil` where
  /// there is no `/proc`.
  static var ofProcess: [String]? {
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
}
