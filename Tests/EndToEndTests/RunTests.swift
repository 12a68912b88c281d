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
      // What starts a process or a thread holds every signal back for that moment: both are asleep first.
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
