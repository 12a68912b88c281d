import Foundation
import Glibc
import Testing

/// A command for `write-command=` that publishes what it got by giving it a new name, whatever it
/// got: it must not get to that unless it got a whole disk.
struct Publisher {
  /// Ways to do it. Each begins by noting its process group.
  static let ways = [
    "directly": "cat >part; mv part whole",
    "as a pipeline": "cat | tee part >copy; cat copy >/dev/null; mv part whole",
    "by exec": "exec sh -c 'cat >part; exec mv part whole'",
    "under timeout": "timeout 100 sh -c 'cat >part; mv part whole'",
    "with job control": "bash -c 'set -m; cat >part; mv part whole'",
    "in a session of its own": "setsid -w sh -c 'cat >part; mv part whole'",
  ]

  let directory: String

  init(_ name: String = "publisher") throws {
    directory = try Sandbox.current().path(name)
    try #require(mkdir(directory, 0o777) == 0)
  }

  /// The parameter.
  func command(_ script: String) -> String {
    "write-command=cd '\(directory)'; echo $$ >group; \(script)"
  }

  var whole: String { "\(directory)/whole" }
  var hasPublished: Bool { access(whole, F_OK) == 0 }

  /// The command's process group, once it has started.
  func group() async throws -> pid_t {
    var group: pid_t?
    try await eventually("the command to start") {
      let text = text(of: "\(directory)/group")
      group = text.hasSuffix("\n") ? pid_t(text.dropLast()) : nil
      return group != nil
    }
    return try #require(group)
  }

  /// The process that watches over the command.
  func supervisor() async throws -> pid_t {
    let group = try await group()
    let words = text(of: "/proc/\(group)/stat").split(separator: " ")
    return try #require(words.count > 3 ? pid_t(words[3]) : nil)
  }

  /// Waits until nothing is left of the command, in whatever group: nobody works in its directory.
  func vanish() async throws {
    _ = try await group()
    try await eventually("the command to be gone") {
      let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc")
      return !numbers.contains {
        let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/cwd")
        return place == directory
      }
    }
  }
}
