import Foundation
import Glibc
import Testing

/// The command under test, with the plugin under test in the place of an installed one.
enum StreamDisk {
  /// STREAM_DISK, or what `make` leaves in the package.
  static func path() throws -> String {
    let path =
      getenv("STREAM_DISK").map { String(cString: $0) } ?? "\(packageRoot)/build/stream-disk"
    guard access(path, X_OK) == 0 else {
      throw Sandbox.Missing(description: "\(path) is missing: run make, or set STREAM_DISK")
    }
    return path
  }

  /// Its words in front of the arguments.
  static func command() throws -> [String] {
    let sandbox = try Sandbox.current()
    // Temporary files go where the test can see whether they are left behind.
    let temporary = sandbox.path("tmp")
    mkdir(temporary, 0o777)
    chmod(temporary, 0o777)
    return ["env", "STREAM_DISK_PLUGIN=\(try Plugin.path())", "TMPDIR=\(temporary)", try path()]
  }

  static func start(_ arguments: String..., input: String = "/dev/null") async throws -> Child {
    try await Sandbox.current().start(try command() + arguments, input: input)
  }

  static func run(_ arguments: String..., input: String = "/dev/null") async throws -> Child {
    let child = try await Sandbox.current().start(try command() + arguments, input: input)
    try await child.exit()
    return child
  }

  /// Has it ended with this status and said so in one line?
  static func expect(
    _ child: Child, _ status: CInt, _ words: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    #expect(try await child.exit() == .exited(status), sourceLocation: sourceLocation)
    #expect(child.errors.split(separator: "\n").count == 1, sourceLocation: sourceLocation)
    for word in words {
      #expect(child.errors.contains(word), sourceLocation: sourceLocation)
    }
  }

  /// Exports a raw disk by NBD, for reading and writing, and returns the URI.
  static func export(_ file: String) async throws -> String {
    let socket = "\(file).sock"
    try await Sandbox.current().start(["qemu-nbd", "-f", "raw", "-t", "-k", socket, file])
    try await eventually("qemu-nbd to listen") { access(socket, F_OK) == 0 }
    return "nbd+unix:///?socket=\(socket)"
  }

  /// Nothing of it is left: no directory, no socket, no file beside a name, no process.
  static func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let sandbox = try Sandbox.current()
    try await eventually("nbdkit to be gone") {
      try filesIn(sandbox.path("tmp")).isEmpty
    }
    #expect(
      try filesIn(sandbox.directory).filter { $0.hasPrefix(".stream-disk") } == [],
      sourceLocation: sourceLocation)
    let left = try await sandbox.run("pgrep", "-f", "nbdkit.*\(sandbox.path("tmp"))/")
    #expect(left.output == "", sourceLocation: sourceLocation)
  }
}

func filesIn(_ directory: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
}
