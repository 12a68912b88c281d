import Foundation
import Glibc
import SystemPackage
import TestSupport

@testable import StreamIO

/// A command that the test feeds.
final class Consumer {
  let directory: TemporaryDirectory
  var command: Command
  private let input: End
  private var hasEnded = false

  /// - Parameter script: Runs in the directory, which it finds in `$PWD`.
  init(_ script: String, grace: Int = 5000) throws {
    ignoreBrokenPipes()
    directory = try TemporaryDirectory()
    let start = try StartingPoint(outputIsFree: false)
    let (command, input) = try Command.reading(
      "cd '\(directory.path)'; \(script)", at: start, grace: grace)
    self.command = command
    self.input = End(input)
  }

  func write(_ bytes: [UInt8]) throws {
    _ = fcntl(try input.open.rawValue, F_SETFL, 0)
    _ = try input.open.writeAll(bytes)
  }

  func closeInput() { input.close() }

  /// Leaves nothing behind where a test gave up: a zombie would keep the test runner busy.
  deinit { if !hasEnded { _ = abandon() } }

  func end(_ patience: Patience = .ample) -> Command.Ending {
    hasEnded = true
    return command.end(patience)
  }

  /// What the plugin does where the stream is complete.
  func complete() throws -> Command.Ending {
    _ = command.complete()
    closeInput()
    return end()
  }

  /// What the plugin does where it is not.
  func abandon() -> Command.Ending {
    command.abandon()
    let ending = end()
    closeInput()
    return ending
  }

  /// Waits until the command has made a file.
  func wait(for name: String) throws {
    for _ in 0..<9000 where access(directory.path(name), F_OK) != 0 { usleep(10_000) }
    guard access(directory.path(name), F_OK) == 0 else { throw Errno.noSuchFileOrDirectory }
  }

  /// Whether no process is left that works in the command's directory, whatever group it is in.
  var hasNobodyLeft: Bool {
    let numbers = try? FileManager.default.contentsOfDirectory(atPath: "/proc")
    return !(numbers ?? []).contains {
      let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/cwd")
      return place == directory.path
    }
  }

  /// Whether anybody of the command's process group is left.
  var isRunning: Bool { kill(-command.group, 0) == 0 }
}
