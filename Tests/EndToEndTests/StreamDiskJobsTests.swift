import Foundation
import Glibc
import Testing

/// What a newcomer wants, each one line as the manual page has it.
@Suite(
  "A job for stream-disk, in one line,", .endToEnd,
  .requires("nbdkit", "qemu-img", "nbdcopy", "bash"))
struct StreamDiskJobsTests {
  @Test("makes a compressed file and gets the image back from it", .requires("zstd"))
  func compressByCommand() async throws {
    let shell = try await Shell()
    try await shell("stream-disk write disk.qcow2 -c 'zstd -q -o disk.raw.zst'")
    try await shell(
      "stream-disk restore --size 16M --from-command 'zstd -dcq disk.raw.zst' back.qcow2")
    try await shell.compare()
  }

  @Test(
    "compresses, restores and verifies", .requires("zstd", "plugin that compresses"),
    arguments: ["zstd", "gzip"])
  func compress(compression: String) async throws {
    let shell = try await Shell()
    let name = compression == "zstd" ? "disk.raw.zst" : "disk.raw.gz"
    let size = compression == "zstd" ? "" : "--report-of report.json"
    try await shell(
      "stream-disk write --\(compression) --digest --disk-digest --report report.json disk.qcow2 "
        + "-o \(name)")
    try await shell("\(compression) -t -q \(name)")
    try await shell("stream-disk restore \(size) \(name) back.qcow2")
    try await shell.compare()
    try await shell("stream-disk verify \(size) \(name) disk.qcow2")
    try await shell("stream-disk verify --report-of report.json \(name)")
    try await shell("stream-disk restore --report-of report.json - back2.qcow2 <\(name)")
    try await shell("stream-disk restore --\(compression) --size 16M - back3.qcow2 <\(name)")
    try await shell(
      """
      ! stream-disk verify --raw --size 16M \(name) disk.qcow2
      printf x | dd of=\(name) bs=1 seek=300000 conv=notrunc status=none
      ! stream-disk verify \(size) \(name) disk.qcow2
      ! stream-disk verify --report-of report.json \(name)
      ! stream-disk restore \(size) \(name) broken.qcow2
      test ! -e broken.qcow2
      """)
  }

  @Test("restores and verifies")
  func restore() async throws {
    let shell = try await Shell()
    try await shell("stream-disk write disk.qcow2 -o disk.raw")
    try await shell("stream-disk restore disk.raw back.qcow2")
    try await shell("stream-disk verify disk.raw back.qcow2")
    try await shell.compare()
  }

  @Test("is an example of the README, word for word")
  func readme() async throws {
    let shell = try await Shell()
    let lines = text(of: "\(packageRoot)/README.md").split(separator: "\n")
      .filter { $0.hasPrefix("stream-disk ") }
    #expect(lines.count == 3)
    for line in lines { try await shell(String(line)) }
    try await shell.compare()
  }

  @Test(
    "is an example of the manual page, word for word: a digest, S3, ssh, a guest's snapshot",
    .requires("aws", "moto_server", "ssh", "sshd", "root", "qemu-nbd"))
  func manual() async throws {
    let sandbox = try Sandbox.current()
    let shell = try await Shell()
    try await shell.addObjectStore()
    try await shell.addBackupHost()
    let socket = sandbox.path("qemu.sock")
    try await sandbox.start([
      "qemu-nbd", "-r", "-t", "-f", "qcow2", "-x", "snapshot", "-k", socket,
      sandbox.path("disk.qcow2"),
    ])
    try await eventually("qemu-nbd to listen") { access(socket, F_OK) == 0 }

    let lines = text(of: "\(packageRoot)/docs/stream-disk.pod").split(separator: "\n")
      .drop { $0 != "=head1 EXAMPLES" }.prefix { $0 != "=head1 ENVIRONMENT" }
      .filter { $0.hasPrefix(" ") }
    #expect(lines.count == 10 && lines.allSatisfy { $0.hasPrefix(" stream-disk ") })
    for line in lines { try await shell(String(line)) }
    for name in ["back.qcow2", "digest.qcow2", "s3.qcow2"] { try await shell.compare(name) }
    for name in ["disk.raw", "there.raw"] { expectEqual(sandbox.path(name), sandbox.path("image")) }
  }

  /// A shell in a directory with an image, disk.qcow2, where stream-disk is in the PATH.
  private struct Shell {
    private let sandbox: Sandbox

    init() async throws {
      sandbox = try Sandbox.current()
      try await sandbox.succeed("mkdir", sandbox.path("bin"))
      try add("stream-disk", StreamDisk.command().map { "'\($0)'" }.joined(separator: " "))
      let raw = try sandbox.image("image")
      try await sandbox.succeed(
        "qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, sandbox.path("disk.qcow2"))
    }

    /// A program of this name in front of all others, which is `command` with its arguments.
    private func add(_ name: String, _ command: String) throws {
      let path = sandbox.path("bin/\(name)")
      try Data("#!/bin/sh\nexec \(command) \"$@\"\n".utf8).write(to: URL(filePath: path))
      chmod(path, 0o755)
    }

    func callAsFunction(_ line: String) async throws {
      let beginning = "set -e; cd '\(sandbox.directory)'; PATH=$PWD/bin:$PATH\n"
      let child = try await sandbox.run("bash", "-c", beginning + line)
      #expect(try await child.exit() == .exited(0), "\(line)\n\(child.errors)")
    }

    func compare(_ image: String = "back.qcow2") async throws {
      try await self("qemu-img compare -f qcow2 -F qcow2 disk.qcow2 \(image)")
    }

    /// An object store with a bucket, which is where `aws` goes.
    func addObjectStore() async throws {
      let server = try await sandbox.start([
        try #require(motoServer), "-H", "127.0.0.1", "-p", "0",
      ])
      var port = ""
      try await eventually("the object store to listen") {
        let said = server.errors + server.output
        guard let match = said.firstMatch(of: /127\.0\.0\.1:(\d+)/) else { return false }
        port = String(match.1)
        return true
      }
      let aws = try await sandbox.run("sh", "-c", "command -v aws").output
      try add(
        "aws",
        "env AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_DEFAULT_REGION=us-east-1 "
          + "\(aws.prefix { !$0.isNewline }) --endpoint-url http://127.0.0.1:\(port)")
      try await self("aws s3 mb s3://bucket")
    }

    /// A host `backup` that `ssh` gets to: a real sshd, without a port.
    func addBackupHost() async throws {
      try await self(
        """
        mkdir -p /run/sshd
        ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f key
        printf '%s\\n' "HostKey $PWD/host" "AuthorizedKeysFile $PWD/key.pub" 'StrictModes no' \
          'PidFile none' "ForceCommand cd '$PWD'; eval \\"\\$SSH_ORIGINAL_COMMAND\\"" >sshd_config
        printf '%s\\n' 'Host backup' 'HostName 127.0.0.1' "IdentityFile $PWD/key" \
          StrictHostKeyChecking=no UserKnownHostsFile=/dev/null LogLevel=ERROR \
          "ProxyCommand /usr/sbin/sshd -i -f $PWD/sshd_config" >ssh_config
        """)
      try add("ssh", "/usr/bin/ssh -F '\(sandbox.path("ssh_config"))'")
    }
  }
}
