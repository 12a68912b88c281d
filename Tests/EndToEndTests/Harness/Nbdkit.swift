import Foundation
import Glibc
import SystemPackage

/// The directory that all paths to sources and documentation start from.
let packageRoot = URL(filePath: #filePath).appending(path: "../../../..").standardized.path(
  percentEncoded: false
).trimmingSuffix("/")

/// The plugin under test.
enum Plugin {
  /// STREAMING_PLUGIN, or what `make` leaves in the package.
  static func path() throws -> String {
    let path =
      getenv("STREAMING_PLUGIN").map { String(cString: $0) }
      ?? "\(packageRoot)/build/nbdkit-streaming-plugin.so"
    guard access(path, R_OK) == 0 else {
      throw Sandbox.Missing(description: "\(path) is missing: run make, or set STREAMING_PLUGIN")
    }
    return path
  }

  /// What nbdkit prints about it: `--help`, `--version`, `--dump-plugin`.
  static func ask(_ option: String) async throws -> String {
    try await Sandbox.current().succeed("nbdkit", try path(), option).output
  }

  /// What `make check` builds from Tests/ProbePlugin.
  static func probe() throws -> String { try nested("ProbePlugin") }

  /// What runs nbdkit with a system call of the plugin failing, as Tests/Faults describes it.
  static func failing(_ fault: String) throws -> [String] {
    ["env", "LD_PRELOAD=\(try nested("Faults"))", "FAULT=\(fault)"]
  }

  /// What `make check` builds from a package inside of this one: a product's library.
  static func nested(_ product: String) throws -> String {
    let path = "\(packageRoot)/.build/nested/debug/lib\(product).so"
    guard access(path, R_OK) == 0 else {
      throw Sandbox.Missing(description: "\(path) is missing: make check builds it")
    }
    return path
  }
}

extension String {
  fileprivate func trimmingSuffix(_ suffix: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
  }
}

/// A running nbdkit with the plugin in it, in the foreground, on a UNIX socket or a port.
struct Nbdkit {
  let child: Child
  let socket: String
  fileprivate let port: UInt16?
  fileprivate let pidFile: String

  var uri: String {
    port.map { "nbd://127.0.0.1:\($0)" } ?? "nbd+unix:///?socket=\(socket)"
  }

  /// The server's own process, also where something else started it (strace, `--run`).
  var pid: pid_t {
    get throws {
      guard let pid = pid_t(text(of: pidFile).trimmingCharacters(in: .whitespacesAndNewlines))
      else { throw Sandbox.Missing(description: "nbdkit has left no process id") }
      return pid
    }
  }

  /// All that nbdkit said so far.
  var log: String { child.errors }

  /// The lines that are errors, without nbdkit's own words before them.
  var errorLines: [String] {
    log.split(separator: "\n").compactMap { line in
      line.range(of: "error: ").map { String(line[$0.upperBound...]) }
    }
  }

  /// Waits until a request has come to the plugin, as told by nbdkit with the option -v: from then
  /// on a client's silence means that the plugin has not answered.
  func receive(_ request: String) async throws {
    let words = request.split(separator: " ")
    let callback = ["write": "pwrite", "read": "pread"][words[0]] ?? words[0]
    let call = "\(callback) count=\(words[2]) offset=\(words[1])"
    try await eventually("\(request) to reach the plugin") { log.contains(call) }
  }

  func signal(_ number: CInt) throws {
    if child.isRunning { _ = kill(try pid, number) }
  }

  /// Sends SIGTERM and waits for the end.
  @discardableResult
  func stop(within limit: Duration = .hang) async throws -> Child.Status {
    try signal(SIGTERM)
    return try await child.exit(within: limit)
  }

  /// A figure from /proc/PID/status, in KiB.
  func kibibytes(_ field: String) throws -> Int {
    for line in text(of: "/proc/\(try pid)/status").split(separator: "\n") {
      let words = line.split { $0 == ":" || $0 == "\t" || $0 == " " }
      if words.count > 1, words[0] == field, let value = Int(words[1]) { return value }
    }
    throw Sandbox.Missing(description: "no \(field) in /proc")
  }
}

extension Nbdkit {
  /// Whether `nbdkit` is what scripts/nbdkit-newest.sh has unpacked.
  static var runsByItsOwnLoader: Bool {
    getenv("PATH").map { String(cString: $0).contains("/nbdkit-newest/bin") } ?? false
  }
}

extension Sandbox {
  /// N of the server's version 1.N.
  func nbdkitMinor() async throws -> Int {
    let version = try await succeed("nbdkit", "--version").output
    guard let found = version.firstMatch(of: /nbdkit 1\.(\d+)/), let minor = Int(found.1) else {
      throw Missing(description: "no version in: \(version)")
    }
    return minor
  }

  /// Starts nbdkit and returns when it accepts connections.
  ///
  /// - Parameters:
  ///   - parameters: The plugin's parameters.
  ///   - options: nbdkit's own, filters included.
  ///   - prefix: What runs nbdkit, such as strace.
  ///   - plugin: The plugin's file; if nil that of the plugin under test.
  func nbdkit(
    _ parameters: String..., options: [String] = [], under prefix: [String] = [],
    plugin: String? = nil
  ) async throws -> Nbdkit {
    try await nbdkit(parameters, options: options, under: prefix, plugin: plugin)
  }

  /// - Parameter port: Of 127.0.0.1, to listen there instead of on a UNIX socket.
  func nbdkit(
    _ parameters: [String], options: [String] = [], under prefix: [String] = [],
    plugin: String? = nil, port: UInt16? = nil
  ) async throws -> Nbdkit {
    // Open to everyone: with `-u` it is the other user who leaves the process id there.
    let directory = path("nbdkit\(UInt32.random(in: 0...999_999))")
    guard mkdir(directory, 0o777) == 0, chmod(directory, 0o777) == 0 else {
      throw Errno(rawValue: errno)
    }
    let socket = "\(directory)/socket"
    let pidFile = "\(directory)/pid"
    let command =
      prefix + ["nbdkit", "-f", "-P", pidFile]
      + (port.map { ["-i", "127.0.0.1", "-p", "\($0)"] } ?? ["-U", socket]) + options
      + [try plugin ?? Plugin.path()] + parameters
    let child = try await start(command)
    // nbdkit writes the file once it listens, in one go, with a newline at the end.
    try await eventually("nbdkit to listen") {
      text(of: pidFile).hasSuffix("\n") || !child.isRunning
    }
    guard child.isRunning else {
      throw Missing(description: "nbdkit ended at once: \(child.errors)")
    }
    return Nbdkit(child: child, socket: socket, port: port, pidFile: pidFile)
  }

  /// Starts nbdkit on a private socket with a command for `--run`; the command finds the socket
  /// in `$unixsocket` and `$uri`.
  func nbdkit(
    _ parameters: String..., options: [String] = [], run script: String
  ) async throws -> Child {
    try await nbdkit(parameters, options: options, run: script)
  }

  func nbdkit(
    _ parameters: [String], options: [String] = [], run script: String
  ) async throws -> Child {
    try await start(
      ["nbdkit", "-U", "-"] + options + [try Plugin.path()] + parameters + ["--run", script])
  }
}
