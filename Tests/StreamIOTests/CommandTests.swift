import Foundation
import Glibc
import StreamCore
import SystemPackage
import TestSupport
import Testing

@testable import StreamIO

@Suite("A command's input ends after a complete stream, or the command before it")
struct CommandTests {
  /// Consumers that publish what they got by a new name, each in its own way.
  static let publishers = [
    "directly": "cat >part; mv part whole",
    "as a pipeline": "cat | tee part >copy; cat copy >/dev/null; mv part whole",
    "by exec": "exec sh -c 'cat >part && exec mv part whole'",
    "whatever cat says": "cat >part || true; sync part; mv part whole",
  ]

  /// The same in process groups and sessions other than the shell's. Each is to be ended like it.
  static let elsewhere = [
    "under timeout": "timeout 100 sh -c 'cat >part && mv part whole'",
    "with job control": "bash -c 'set -m; cat >part; mv part whole'",
    "with job control, in the background":
      "bash -c 'set -m; exec 3<&0; (cat <&3 >part; mv part whole) & wait'",
    "in a session of its own": "setsid -w sh -c 'cat >part; mv part whole'",
    "in a session that nobody waits for":
      "exec 3<&0; setsid -f sh -c 'cat <&3 >part; mv part whole'; while :; do sleep 0.01; done",
    "two sessions deep":
      "setsid -w sh -c 'timeout 100 setsid -w sh -c \"cat >part; mv part whole\"'",
    "after its shell": "exec 3<&0; setsid -f sh -c 'cat <&3 >part; mv part whole'",
  ]

  @Test(
    "Told that the stream is complete, it has all and ends by itself", arguments: publishers.keys)
  func complete(how: String) throws {
    let consumer = try Consumer(try #require(Self.publishers[how]))
    try consumer.write(pattern(200_000))
    #expect(try consumer.complete() == .status(0))
    let file = try FileDescriptor.open(FilePath(consumer.directory.path("whole")), .readOnly)
    expectSame(try Reader(file).bytes(), pattern(200_000))
    #expect(!consumer.isRunning)
  }

  @Test("Abandoned, it is ended before its input", arguments: publishers.keys)
  func abandoned(how: String) throws {
    let consumer = try Consumer(try #require(Self.publishers[how]))
    try consumer.write(pattern(200_000))
    try consumer.wait(for: "part")
    #expect(consumer.abandon() == .status(128 + Int(SIGTERM)))
    #expect(!consumer.isRunning)
    #expect(try !consumer.directory.entries.contains("whole"))
  }

  @Test("Abandoned, it is ended wherever it has gone", arguments: elsewhere.keys)
  func abandonedElsewhere(how: String) throws {
    let consumer = try Consumer(try #require(Self.elsewhere[how]))
    try consumer.write(pattern(200_000))
    try consumer.wait(for: "part")
    _ = consumer.abandon()
    #expect(!consumer.isRunning)
    #expect(consumer.hasNobodyLeft)
    #expect(try !consumer.directory.entries.contains("whole"))
  }

  @Test(
    "Told that the stream is complete, it has all wherever it has gone", arguments: elsewhere.keys)
  func completeElsewhere(how: String) throws {
    // The endless loop is there to be ended.
    guard let script = Self.elsewhere[how], !script.contains("while") else { return }
    let consumer = try Consumer(script)
    try consumer.write(pattern(200_000))
    #expect(try consumer.complete() == .status(0))
    try consumer.wait(for: "whole")
  }

  @Test("What ignores SIGTERM in a session of its own is killed after a while")
  func stubbornElsewhere() throws {
    let consumer = try Consumer(
      "setsid -w sh -c \"trap '' TERM; touch ready; cat >part; mv part whole\"", grace: 200)
    try consumer.wait(for: "ready")
    _ = consumer.abandon()
    #expect(consumer.hasNobodyLeft)
    #expect(try !consumer.directory.entries.contains("whole"))
  }

  @Test("One that starts processes without end is ended with all of them", arguments: 0..<10)
  func forking(_ time: Int) throws {
    let consumer = try Consumer(
      """
      exec 3<&0; (cat <&3 >part; mv part whole) &
      while :; do (setsid sh -c 'sleep 100' &); (sleep 100 &); touch ready; sleep 0.01; done
      """, grace: 500)
    try consumer.wait(for: "ready")
    _ = consumer.abandon()
    #expect(consumer.hasNobodyLeft)
    #expect(try !consumer.directory.entries.contains("whole"))
  }

  @Test("Abandoned before it has done anything, too", arguments: 0..<20)
  func abandonedAtOnce(_ time: Int) throws {
    let consumer = try Consumer("cat >part; mv part whole")
    #expect(consumer.abandon() == .status(128 + Int(SIGTERM)))
    #expect(try !consumer.directory.entries.contains("whole"))
  }

  @Test("One that ignores SIGTERM is killed after a while, with all that it started")
  func stubborn() throws {
    let consumer = try Consumer(
      "trap '' TERM; exec 3<&0; (cat <&3 >part; mv part whole) & touch ready; wait; mv part whole",
      grace: 200)
    try consumer.wait(for: "ready")
    #expect(consumer.abandon() == .status(128 + Int(SIGKILL)))
    #expect(!consumer.isRunning)
    #expect(try !consumer.directory.entries.contains("whole"))
  }

  @Test("One that cleans up on SIGTERM has time for that")
  func cleaning() throws {
    let consumer = try Consumer(
      "trap 'rm part; exit 3' TERM; touch part; while :; do sleep 0.01; done")
    try consumer.wait(for: "part")
    #expect(consumer.abandon() == .status(3))
    #expect(try consumer.directory.entries.isEmpty)
  }

  @Test("What is left of one whose shell has died is ended as well")
  func orphan() throws {
    let consumer = try Consumer("exec 3<&0; (cat <&3 >part; mv part whole) & kill -KILL $$")
    #expect(consumer.command.earlyStatus(.ample) == 128 + Int(SIGKILL))
    try consumer.write(pattern(1000))
    try consumer.wait(for: "part")
    #expect(consumer.isRunning)
    #expect(consumer.abandon() == .status(128 + Int(SIGKILL)))
    #expect(!consumer.isRunning)
    #expect(try !consumer.directory.entries.contains("whole"))
  }

  @Test("It is ended too if this process was killed")
  func killed() async throws {
    let directory = try TemporaryDirectory()
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = directory.path as String] in
      let start = try StartingPoint(outputIsFree: false)
      let (_, input) = try Command.reading(
        "cd '\(path)'; echo $$ >group; cat >part; mv part whole", at: start)
      _ = try input.writeAll(pattern(1000))
      while access("\(path)/part", F_OK) != 0 { usleep(1000) }
      kill(getpid(), SIGKILL)
    }
    let text = try directory.text(of: "group").trimmingCharacters(in: .whitespacesAndNewlines)
    let group = try #require(pid_t(text))
    for _ in 0..<9000 where kill(-group, 0) == 0 { usleep(10_000) }
    #expect(kill(-group, 0) == -1)
    #expect(try directory.entries == ["group", "part"])
  }

  @Test("But not if it was told before that the stream is complete")
  func killedAfterwards() async throws {
    let directory = try TemporaryDirectory()
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = directory.path as String] in
      let start = try StartingPoint(outputIsFree: false)
      let (command, input) = try Command.reading(
        "cd '\(path)'; cat >part; mv part whole", at: start)
      _ = try input.writeAll(pattern(1000))
      _ = command.complete()
      kill(getpid(), SIGKILL)
    }
    for _ in 0..<9000 where access(directory.path("whole"), F_OK) != 0 { usleep(10_000) }
    #expect(try directory.entries == ["whole"])
    let file = try FileDescriptor.open(FilePath(directory.path("whole")), .readOnly)
    expectSame(try Reader(file).bytes(), pattern(1000))
  }

  // MARK: Its own end

  @Test("Its exit status is told", arguments: [("exit 7", 7), ("kill -USR1 $$", 128 + 10)])
  func status(script: String, status: Int) throws {
    let consumer = try Consumer("cat >/dev/null; \(script)")
    try consumer.write(pattern(1000))
    #expect(try consumer.complete() == .status(status))
  }

  @Test("One that can't be found is the shell's status 127")
  func notFound() throws {
    let consumer = try Consumer("exec 2>/dev/null; no-such-command")
    #expect(consumer.command.earlyStatus(.ample) == 127)
    #expect(consumer.abandon() == .status(127))
  }

  @Test("One that dies early breaks the pipe, and its status is there to be told")
  func early() throws {
    let consumer = try Consumer("exit 5")
    #expect(consumer.command.earlyStatus(.ample) == 5)
    #expect(throws: Errno.brokenPipe) { try consumer.write(pattern(1)) }
    #expect(consumer.abandon() == .status(5))
  }

  @Test("One that succeeded early can still be told that all is well")
  func earlySuccess() throws {
    let consumer = try Consumer("head -c 1000 >whole")
    try consumer.write(pattern(1000))
    #expect(consumer.command.earlyStatus(.ample) == 0)
    #expect(try consumer.complete() == .status(0))
  }

  @Test("Waiting for its end can be given up, and it goes on")
  func impatient() throws {
    let consumer = try Consumer("cat >part; until test -e go; do sleep 0.01; done; mv part whole")
    try consumer.write(pattern(1000))
    #expect(consumer.command.complete())
    consumer.closeInput()
    #expect(consumer.end(.none) == .interrupted)
    try consumer.directory.file("go")
    try consumer.wait(for: "whole")
    waitpid(consumer.command.supervisor, nil, 0)
  }

  // MARK: The supervisor

  @Test("If the supervisor was killed, the command is ended in another group and session too")
  func supervisorKilledElsewhere() throws {
    let consumer = try Consumer(
      "exec 3<&0; (setsid -w sh -c 'cat <&3 >part; mv part whole'; mv part whole) & wait")
    try consumer.write(pattern(1000))
    try consumer.wait(for: "part")
    kill(consumer.command.supervisor, SIGKILL)
    #expect(consumer.end() == .unknown)
    consumer.closeInput()
    for _ in 0..<1000 {
      if consumer.hasNobodyLeft { break }
      usleep(10_000)
    }
    #expect(consumer.hasNobodyLeft)
    #expect(try consumer.directory.entries == ["part"])
  }

  @Test("If the supervisor was killed, the status is not known, and the command is ended")
  func supervisorKilled() throws {
    let consumer = try Consumer("cat >part; mv part whole")
    try consumer.wait(for: "part")
    kill(consumer.command.supervisor, SIGKILL)
    for _ in 0..<9000 where consumer.command.complete() { usleep(10_000) }
    #expect(!consumer.command.complete())
    #expect(consumer.end() == .unknown)
    consumer.closeInput()
    for _ in 0..<9000 where consumer.isRunning { usleep(10_000) }
    #expect(try consumer.directory.entries == ["part"])
  }

  @Test(
    "No signal to nbdkit's group or from its terminal ends the supervisor",
    arguments: [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGALRM, SIGUSR1])
  func supervisorSignaled(number: Int32) throws {
    let consumer = try Consumer("cat >part; mv part whole")
    #expect(getsid(consumer.command.supervisor) == consumer.command.supervisor)
    #expect(getpgid(consumer.command.supervisor) != getpgrp())
    kill(consumer.command.supervisor, number)
    try consumer.write(pattern(1000))
    #expect(try consumer.complete() == .status(0))
    #expect(try consumer.directory.entries == ["whole"])
  }

  @Test("The supervisor holds the pipe and the lifeline open, and nothing else")
  func supervisorDescriptors() throws {
    let consumer = try Consumer("cat >/dev/null")
    let files = try FileManager.default.contentsOfDirectory(
      atPath: "/proc/\(consumer.command.supervisor)/fd")
    #expect(files.count == 2)
    #expect(try consumer.complete() == .status(0))
  }

  // MARK: What a command is started with

  @Test("It has its input, output and errors, and no other descriptor")
  func descriptors() throws {
    let consumer = try Consumer("ls /proc/self/fd >listing")
    #expect(try consumer.complete() == .status(0))
    // The last one is that of the directory which ls reads.
    #expect(try consumer.directory.text(of: "listing") == "0\n1\n2\n3\n")
  }

  @Test("It ignores no signal that this process ignores for itself, and blocks none")
  func signals() throws {
    let consumer = try Consumer("grep -E 'Sig(Blk|Ign)' /proc/self/status >signals")
    #expect(try consumer.complete() == .status(0))
    let lines = try consumer.directory.text(of: "signals").split(separator: "\n")
    let sets = lines.compactMap { $0.split(separator: "\t").last }.compactMap {
      UInt64($0, radix: 16)
    }
    #expect(sets.count == 2)
    #expect(sets.first == 0)
    #expect((sets.last ?? 0) & 1 << UInt64(SIGPIPE - 1) == 0)
  }

  @Test("It runs in the directory that was the current one")
  func directory() throws {
    let consumer = try Consumer("cat >/dev/null; echo \"$OLDPWD\" >directory")
    #expect(try consumer.complete() == .status(0))
    let current = FileManager.default.currentDirectoryPath
    #expect(try consumer.directory.text(of: "directory") == "\(current)\n")
  }

  @Test("Nothing is left of one that can't be started, and the reason is told")
  func noDirectory() async {
    await #expect(processExitsWith: .success) {
      let start = try StartingPoint(outputIsFree: false)
      dup2(start.errors.rawValue, start.directory.rawValue)
      let failure = Failure(.notDirectory, "the command can't be started: Not a directory")
      #expect(throws: failure) { _ = try Command.reading("true", at: start) }
      #expect(waitpid(-1, nil, WNOHANG) == -1)
    }
  }
}
