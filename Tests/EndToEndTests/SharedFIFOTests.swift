import Testing

@Suite(
  "A FIFO that was not one reader's is never complete", .endToEnd,
  .requires("nbdkit", "python3-libnbd"))
struct SharedFIFOTests {
  /// Runs a script where there are `fifo`, the plugin in `$plugin`, and `wait_for`, which waits for
  /// a command to succeed; it writes its stream to `fifo` and its report to `report`.
  private func run(_ script: String) async throws -> (Child, Report) {
    let sandbox = try Sandbox.current()
    let child = try await sandbox.start([
      "/bin/bash", "-c",
      """
      cd '\(sandbox.directory)'; plugin='\(try Plugin.path())'; mkfifo fifo
      wait_for() { until eval "$1"; do sleep 0.05; done; }
      \(script)
      """,
    ])
    _ = try await child.exit()
    return (child, try Report(sandbox.path("report")))
  }

  /// A client's steps: write, wait until the file `go` stands there, write.
  private let client = """
    /usr/bin/python3 -c '
    import nbd, os, sys, time
    h = nbd.NBD(); h.connect_uri(sys.argv[1])
    h.pwrite(b"x" * 65536, 0)
    open("written", "w").close()
    while not os.path.exists("go"): time.sleep(0.05)
    h.pwrite(b"y" * 65536, 65536)
    h.flush()' "$uri"
    """

  @Test("if one reader left it and another went on while the client was idle")
  func oneAfterTheOther() async throws {
    let (_, report) = try await run(
      """
      (head -c 65536 fifo >one; cat fifo >two) &
      nbdkit -U - "$plugin" pipe=fifo size=128K report=report --run "$(cat <<'END'
      # The shell makes `two` once the first reader has ended.
      (until test -e two; do sleep 0.05; done; sleep 1; touch go) &
      \(client)
      END
      )"; wait
      """)
    #expect(report.outcome == "unknown")
    #expect(report.error?.contains("more than one process") == true)
  }

  @Test("if two read at once, from before the first byte")
  func together() async throws {
    let (_, report) = try await run(
      """
      cat fifo >one & cat fifo >two &
      sleep 0.5
      nbdkit -U - "$plugin" pipe=fifo size=128K report=report --run "$(cat <<'END'
      touch go
      \(client)
      END
      )"; wait
      """)
    #expect(report.outcome == "unknown")
    #expect(report.error?.contains("more than one process") == true)
  }

  @Test("if two read at once, and one has left before the end")
  func leftEarly() async throws {
    let (_, report) = try await run(
      """
      (wait_for 'test -e go'; cat >one) <fifo &
      (head -c 65536 >two; touch go) <fifo &
      sleep 0.5
      nbdkit -U - "$plugin" pipe=fifo size=128K report=report --run "$(cat <<'END'
      \(client)
      END
      )"; wait
      """)
    #expect(report.outcome == "unknown")
    #expect(report.error?.contains("more than one process") == true)
  }

  @Test("nor is one that comes as a descriptor")
  func descriptor() async throws {
    let (_, report) = try await run(
      """
      (head -c 65536 fifo >one; cat fifo >two) &
      nbdkit -U - "$plugin" pipe=- size=128K report=report --run "$(cat <<'END'
      (until test -e two; do sleep 0.05; done; sleep 1; touch go) >two.log &
      \(client)
      END
      )" >fifo; wait
      """)
    #expect(report.outcome == "unknown")
    #expect(report.error?.contains("more than one process") == true)
  }

  @Test("but one reader in a pipeline, or with two descriptors, is one")
  func one() async throws {
    for reader in ["cat fifo | cat >one", "pv -q fifo >one", "cat /dev/stdin <fifo >one"] {
      try await expectOne(reader)
    }
  }

  @Test("but a shell that hands its FIFO on to a command is one", .hasKcmp)
  func shell() async throws { try await expectOne("(cat >one; true) <fifo") }

  private func expectOne(_ reader: String) async throws {
    do {
      let (_, report) = try await run(
        """
        rm -f go; \(reader) &
        nbdkit -U - "$plugin" pipe=fifo size=128K report=report --run "$(cat <<'END'
        touch go
        \(client)
        END
        )"; wait; rm fifo
        """)
      #expect(report.outcome == "complete", "\(reader)")
    }
  }

  @Test(
    "and a second nbdkit is refused, while the first goes on to a whole stream",
    arguments: ["pipe=fifo", "pipe=- >fifo"])
  func secondServer(first: String) async throws {
    let (child, report) = try await run(
      """
      cat fifo >one &
      (wait_for 'test -e written'
       nbdkit -U - "$plugin" pipe=fifo --run 'echo ran'; echo "status $?"
       nbdkit -U - "$plugin" read=fifo --run 'echo ran'; echo "status $?"
       touch go) &
      nbdkit -U - "$plugin" size=128K report=report \(first) --run "$(cat <<'END'
      \(client)
      END
      )"; wait
      """)
    #expect(child.output == "status 1\nstatus 1\n")
    #expect(child.errors.contains("pipe=fifo: another nbdkit uses this FIFO"))
    #expect(child.errors.contains("read=fifo: another nbdkit uses this FIFO"))
    #expect(report.outcome == "complete")
  }
}
