import Glibc
import Testing

@Suite("With --run", .endToEnd(limit: .seconds(180)))
struct RunTests {
  @Test(
    "and exitlast, the command may wait for the reader it started",
    .requires("nbdkit", "qemu-img"))
  func waitForReader() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let stream = sandbox.path("stream")
    let fifo = sandbox.path("fifo")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", options: ["--filter=exitlast"],
      run: """
        cat '\(fifo)' >'\(stream)' & reader=$!
        qemu-img convert -n -f raw -O raw '\(image)' "$uri" && wait $reader
        """)
    #expect(try await nbdkit.exit() == .exited(0))
    expectEqual(stream, image)
  }

  @Test("no signal is held back from the command, its parent or the server", .requires("nbdkit"))
  func signals() async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(sandbox.path("fifo"))",
      options: ["-P", sandbox.path("pid")],
      // What starts a process or a thread holds every signal back for that moment: both are asleep
      // first.
      run: """
        until test -s '\(sandbox.path("pid"))'; do sleep 0.01; done
        tasks="/proc/$PPID/status /proc/$(cat '\(sandbox.path("pid"))')/status"
        while grep -q '^State:.[^S]' $tasks; do sleep 0.01; done
        grep -h SigBlk /proc/self/status $tasks
        """)
    #expect(try await nbdkit.exit() == .exited(0))
    let masks = nbdkit.output.split(separator: "\n").compactMap {
      UInt64($0.dropFirst("SigBlk:\t".count), radix: 16)
    }
    #expect(masks.count == 3)
    for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT] {
      // The parent blocks SIGCHLD for a while: system(3).
      #expect(masks.allSatisfy { $0 & 1 << (signal - 1) == 0 }, "\(nbdkit.output)")
    }
  }

  @Test(
    "a signal to nbdkit as process 1 of a PID namespace ends all in order",
    .requires("nbdkit", "nbdcopy", "unshare"), arguments: [SIGTERM, SIGHUP, SIGINT])
  func processOne(number: CInt) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let fifo = sandbox.path("fifo")
    let report = sandbox.path("report")
    // Nobody reads the FIFO, so the client waits.
    let unshare = try await sandbox.start([
      "unshare", "--pid", "--fork", "nbdkit", "-v", "-U", "-", try Plugin.path(), "pipe=\(fifo)",
      "report=\(report)", "--run", "exec nbdcopy --synchronous '\(image)' \"$uri\"",
    ])
    try await eventually("a request") { unshare.errors.contains("streaming: pwrite") }
    let children = text(of: "/proc/\(unshare.pid)/task/\(unshare.pid)/children")
    let started = try #require(pid_t(children.split(separator: " ").first ?? ""))
    #expect(kill(started, number) == 0)
    try await unshare.exit(within: .atOnce)
    #expect(try Report(report).outcome == "failed")
    #expect(access(fifo, F_OK) == -1)
    #expect(!unshare.errors.contains("Assertion"))
  }

  @Test(
    "if the process that waits is killed, the reader of standard output sees the end",
    .requires("nbdkit"))
  func waitingKilled() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    let started = sandbox.path("started")
    let pipeline = try await sandbox.start([
      "/bin/sh", "-c",
      """
      sh -c 'echo $$ >"$0"; exec nbdkit -U - "$1" - size=1M report="$2" --run "
        echo there >&2; exec sleep 1000 >/dev/null"' "$1" "$2" "$3" | cat
      """, "sh", started, try Plugin.path(), report,
    ])
    try await eventually("the command to start") { pipeline.errors.contains("there") }
    let pid = try #require(pid_t(text(of: started).split(separator: "\n").first ?? ""))
    #expect(kill(pid, SIGKILL) == 0)
    try await pipeline.exit(within: .atOnce)
    #expect(try Report(report).outcome == "short")
  }

  @Test("the command finds the FIFO in each of 200 starts on a loaded machine", .requires("nbdkit"))
  func alwaysThere() async throws {
    let sandbox = try Sandbox.current()
    let fifo = sandbox.path("fifo")
    for _ in 0..<3 { try await sandbox.start(["/bin/sh", "-c", "while :; do :; done"]) }
    let starts = try await sandbox.start([
      "/bin/sh", "-c",
      """
      for start in $(seq 200); do
        nbdkit -U - "$1" pipe="$2" --run 'test -p '"$2" || echo "$start: no FIFO"
        test -e "$2" && echo "$start: left behind"
      done
      """,
      "sh", try Plugin.path(), fifo,
    ])
    try await starts.exit(within: .seconds(170))
    #expect(starts.output == "")
  }

  @Test("a FIFO that was there before stays", .requires("nbdkit"))
  func kept() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let nbdkit = try await sandbox.nbdkit("pipe=\(fifo)", run: "test -p '\(fifo)'")
    #expect(try await nbdkit.exit() == .exited(0))
    #expect(access(fifo, F_OK) == 0)
  }

  @Test("a file that took the place of our FIFO stays", .requires("nbdkit"))
  func replaced() async throws {
    let sandbox = try Sandbox.current()
    let fifo = sandbox.path("fifo")
    let nbdkit = try await sandbox.nbdkit(
      "pipe=\(fifo)", run: "rm '\(fifo)' && echo mine >'\(fifo)'")
    #expect(try await nbdkit.exit() == .exited(0))
    #expect(text(of: fifo) == "mine\n")
  }
}
