import Foundation
import Glibc
import Testing

@Suite(
  "stream-disk's exit status", .endToEnd, .requires("nbdkit", "qemu-img", "setpriv", "prlimit"))
struct StreamDiskStatusTests {
  @Test(
    "is 2 for wrong usage, with a message",
    arguments: [
      ["write"], ["write", "disk"], ["write", "disk", "-o", "x", "-"], ["write", "disk", "name"],
      ["write", "disk", "-o", "x", "--zstd=20"], ["write", "disk", "-o", "x", "--gzip=x"],
      ["write", "disk", "-o", "x", "--zstd", "--gzip"], ["write", "disk", "-c", ""],
      ["restore", "stream"], ["restore", "--size", "none", "-", "x"],
      ["restore", "--raw", "--gzip", "-", "x"],
      ["verify", "stream"], ["colour"], ["write", "disk", "-o", "x", "--colour"],
      ["write", "disk", "-o", "x", "--report", "x"],
      ["write", "disk", "-o", "x", "--format", "iso"],
      ["write", "disk", "-o", "x", "--format", "vmdk", "--zstd"],
      ["write", "disk", "-o", "x.zst"], ["write", "disk", "-o", "x.tar.gz", "--zstd"],
    ])
  func usage(arguments: [String]) async throws {
    let child = try await Sandbox.current().start(try StreamDisk.command() + arguments)
    #expect(try await child.exit() == .exited(2))
    #expect(!child.errors.isEmpty && child.output == "")
  }

  @Test("is 0 for help and version, which are printed")
  func help() async throws {
    for arguments in [["--help"], ["--version"], ["write", "--help"], ["help", "restore"]] {
      let child = try await Sandbox.current().start(try StreamDisk.command() + arguments)
      #expect(try await child.exit() == .exited(0))
      #expect(!child.output.isEmpty && child.errors == "")
    }
  }

  @Test("is 1 for an image that is not there or can't be read")
  func missing() async throws {
    let sandbox = try Sandbox.current()
    try await StreamDisk.expect(
      StreamDisk.run("write", "missing", "-o", sandbox.path("x")), 1, "missing")
    let text = sandbox.path("text")
    try Data("text".utf8).write(to: URL(filePath: text))
    try await StreamDisk.expect(
      StreamDisk.run("write", "-f", "qcow2", text, "-o", sandbox.path("x")), 1, text)
    #expect(access(sandbox.path("x"), F_OK) != 0)
  }

  @Test("is 1 for an image that is not there, and an older report is gone")
  func missingWithReport() async throws {
    let sandbox = try Sandbox.current()
    let report = sandbox.path("report")
    try Data(#"{"outcome": "complete"}"#.utf8).write(to: URL(filePath: report))
    try await StreamDisk.expect(
      StreamDisk.run("write", "missing", "-o", sandbox.path("x"), "--report", report), 1, "missing")
    #expect(access(report, F_OK) != 0)
  }

  @Test("is 1 where nbdkit can't start, for a digest too")
  func noPlugin() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let report = sandbox.path("report")
    let digest = "sha256:" + String(repeating: "0", count: 64)
    try Data(#"{"outcome": "complete", "size": 16777216, "disk_digest": "\#(digest)"}"#.utf8)
      .write(to: URL(filePath: report))
    let child = try await sandbox.start([
      "env", "STREAM_DISK_PLUGIN=/none", try StreamDisk.path(), "verify", "--report-of", report,
      image,
    ])
    try await StreamDisk.expect(child, 1, "nbdkit finds no plugin")
  }

  @Test("is 130 for SIGINT, also while the source is silent")
  func silentSource() async throws {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo("silent")
    for hasWriter in [false, true] {
      let writer =
        hasWriter ? try await sandbox.start(["sh", "-c", "exec >'\(fifo)'; sleep 60"]) : nil
      let child = try await StreamDisk.start("restore", "--size", "1G", fifo, sandbox.path("x"))
      try await eventually("it to catch signals") {
        let caught = text(of: "/proc/\(child.pid)/status").firstMatch(of: /SigCgt:\t([0-9a-f]+)/)
        return UInt64(caught?.1 ?? "0", radix: 16).map { $0 & 1 << (SIGINT - 1) != 0 } ?? false
      }
      try await Task.sleep(for: .milliseconds(300))
      child.signal(SIGINT)
      #expect(try await child.exit(within: .atOnce) == .exited(130))
      writer?.signal(SIGKILL)
      try await writer?.exit()
    }
    try await StreamDisk.expectNothingLeft()
  }

  @Test("is 1 for a stream that ends early, or goes on, and no image is left")
  func cut() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    for size in ["15M", "17M"] {
      let child = try await StreamDisk.run("restore", "--size", size, image, sandbox.path("back"))
      let status = try await child.exit()
      #expect(status == .exited(1) || status == .exited(3))
      #expect(access(sandbox.path("back"), F_OK) != 0)
    }
    try await StreamDisk.expectNothingLeft()
  }

  @Test("is 1, and the old file stays, where the file system is full")
  func full() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let target = sandbox.path("target")
    try Data("old".utf8).write(to: URL(filePath: target))
    for arguments in [
      ["write", "-f", "raw", image, "-o", target], ["restore", "--force", image, target],
    ] {
      let child = try await sandbox.start(
        ["prlimit", "--fsize=1000000"] + StreamDisk.command() + arguments)
      #expect(try await child.exit() == .exited(1))
      #expect(child.errors.contains("File too large") || child.errors.contains("SIGXFSZ"))
      #expect(text(of: target) == "old")
    }
    try await StreamDisk.expectNothingLeft()
  }

  @Test("is 1, and nothing is lost, if the name can't be given")
  func names() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let fifo = try sandbox.fifo("fifo")
    symlink(image, sandbox.path("link"))
    for (name, words) in [
      (sandbox.directory, "is a directory"), (sandbox.path("link"), "symbolic link"),
      (fifo, "not a regular file"), ("/dev/null", "not a regular file"),
      (sandbox.path("none/x"), "No such file"), (sandbox.path("x/"), "slash"),
    ] {
      try await StreamDisk.expect(StreamDisk.run("write", "-f", "raw", image, "-o", name), 1, words)
      try await StreamDisk.expect(StreamDisk.run("restore", "--force", image, name), 1, words)
    }
    var status = stat()
    #expect(lstat(sandbox.path("link"), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
    try await StreamDisk.expectNothingLeft()
  }

  @Test("is 1 where the directory is not writable", .requires("root"))
  func unwritable() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let directory = sandbox.path("mine")
    mkdir(directory, 0o555)
    // Root that may do no more than others; another user may not even get at the command.
    let child = try await sandbox.start(
      ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] + StreamDisk.command()
        + ["write", "-f", "raw", image, "-o", "\(directory)/x"])
    try await StreamDisk.expect(child, 1, "Permission denied")
  }

  @Test("is 1 if the image already exists, which --force replaces")
  func existing() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let target = sandbox.path("target")
    try Data("old".utf8).write(to: URL(filePath: target))
    try await StreamDisk.expect(StreamDisk.run("restore", image, target), 1, "--force")
    #expect(text(of: target) == "old")
    try await StreamDisk.expect(StreamDisk.run("restore", "--force", image, target), 0)
    expectEqual(target, image)
  }

  @Test(
    "is 128 and the number of a signal, and nothing is left", arguments: [SIGINT, SIGTERM, SIGHUP])
  func signals(number: CInt) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let publisher = try Publisher()
    let command = String(
      publisher.command("sleep 60; cat >part; mv part whole").dropFirst("write-command=".count))
    let writing = try await StreamDisk.start("write", "-f", "raw", image, "-c", command)
    _ = try await publisher.group()
    writing.signal(number)
    #expect(try await writing.exit() == .exited(128 + number))
    #expect(!publisher.hasPublished)
    try await publisher.vanish()

    let target = sandbox.path("target")
    let reading = try await StreamDisk.start(
      "restore", "--size", "16M", "--from-command", "cat '\(image)' | head -c 1M; sleep 60", target)
    try await eventually("the image to be begun") {
      try filesIn(sandbox.directory).contains { $0.hasPrefix(".stream-disk") }
    }
    reading.signal(number)
    #expect(try await reading.exit() == .exited(128 + number))
    #expect(access(target, F_OK) != 0)
    try await StreamDisk.expectNothingLeft()
  }

  @Test("stopped when all is copied, gives the command time to take it")
  func stoppedAtTheEnd() async throws {
    let sandbox = try Sandbox.current()
    // Less than the pipe holds: the client is done before the command has begun.
    let image = try sandbox.image("image", size: 512.kib, data: [0..<512.kib])
    let gate = try sandbox.fifo("gate")
    let publisher = try Publisher()
    let command = String(
      publisher.command("read go <'\(gate)'; cat >part; mv part whole")
        .dropFirst("write-command=".count))
    let child = try await StreamDisk.start("write", "-f", "raw", image, "-c", command)
    _ = try await publisher.group()
    // nbdkit alone is left, and stays so.
    var sights = 0
    try await eventually("the client to come and go") {
      let children = try filesIn("/proc/\(child.pid)/task").flatMap {
        text(of: "/proc/\(child.pid)/task/\($0)/children").split(separator: " ")
      }
      let names = children.map { text(of: "/proc/\($0)/comm") }
      let client = names.contains { $0.hasPrefix("qemu-img") || $0.hasPrefix("nbdcopy") }
      sights = names.count == 1 && !client ? sights + 1 : 0
      return sights > 50
    }
    child.signal(SIGTERM)
    try await sandbox.succeed("sh", "-c", "echo go >'\(gate)'")
    try await StreamDisk.expect(child, 0, "whole")
    expectEqual(publisher.whole, image)
  }
}
