import Glibc
import Testing

/// What a newcomer wants, each one line as the manual page has it.
@Suite(
  "A job for stream-disk, in one line,", .endToEnd,
  .requires("nbdkit", "qemu-img", "nbdcopy", "bash"))
struct StreamDiskJobsTests {
  @Test("is to make a compressed file and to get the image back from it", .requires("zstd"))
  func compressByCommand() async throws {
    let shell = try await Shell()
    try await shell("stream-disk write disk.qcow2 -c 'zstd -q -o disk.raw.zst'")
    try await shell(
      "stream-disk restore --size 16M --from-command 'zstd -dcq disk.raw.zst' back.qcow2")
    try await shell.compare()
  }

  @Test(
    "is to compress, restore and verify", .requires("zstd", "plugin that compresses"),
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

  @Test("is to put it into an object store and to get it back", .requires("moto_server", "aws"))
  func objectStore() async throws {
    let shell = try await Shell()
    let sandbox = try Sandbox.current()
    let server = try await sandbox.start([
      try #require(motoServer), "-H", "127.0.0.1", "-p", "0",
    ])
    var port = ""
    try await eventually("the object store to listen") {
      guard let match = (server.errors + server.output).firstMatch(of: /127\.0\.0\.1:(\d+)/) else {
        return false
      }
      port = String(match.1)
      return true
    }
    let settings = """
      export AWS_ENDPOINT_URL=http://127.0.0.1:\(port) AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x \
        AWS_DEFAULT_REGION=us-east-1
      aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }; export -f aws
      """
    try await shell(settings + "\naws s3 mb s3://bucket")
    let aws = "aws --endpoint-url http://127.0.0.1:\(port)"
    try await shell(
      settings
        + "\nstream-disk write disk.qcow2 --report disk.json -c '\(aws) s3 cp - s3://bucket/disk.raw'"
    )
    try await shell(
      settings
        + "\nstream-disk restore --report-of disk.json "
        + "--from-command '\(aws) s3 cp s3://bucket/disk.raw -' back.qcow2")
    try await shell.compare()
  }

  @Test("is to send it to another machine", .requires("sshd", "ssh", "root"))
  func overSSH() async throws {
    let shell = try await Shell()
    let sandbox = try Sandbox.current()
    try await shell(
      """
      ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f key
      cat >sshd_config <<END
      HostKey $PWD/host
      AuthorizedKeysFile $PWD/key.pub
      StrictModes no
      PidFile none
      END
      printf '%s\\n' 'Host backup' 'HostName 127.0.0.1' "IdentityFile $PWD/key" \
        StrictHostKeyChecking=no UserKnownHostsFile=/dev/null LogLevel=ERROR \
        "ProxyCommand /usr/sbin/sshd -i -f $PWD/sshd_config" >ssh_config
      mkdir -p /run/sshd
      """)
    let ssh = "ssh -F \(sandbox.path("ssh_config")) backup"
    let there = sandbox.path("there")
    try await shell(
      "stream-disk write disk.qcow2 -c \"\(ssh) 'cat >\(there).part && mv \(there).part \(there)'\""
    )
    try await shell(
      "stream-disk restore --size 16M --from-command '\(ssh) cat \(there)' back.qcow2")
    try await shell.compare()
  }

  @Test("is to restore and to verify")
  func restore() async throws {
    let shell = try await Shell()
    try await shell("stream-disk write disk.qcow2 -o disk.raw")
    try await shell("stream-disk restore disk.raw back.qcow2")
    try await shell("stream-disk verify disk.raw back.qcow2")
    try await shell.compare()
  }

  @Test("is an example of the README, its words unchanged")
  func readme() async throws {
    let shell = try await Shell()
    let lines = text(of: "\(packageRoot)/README.md").split(separator: "\n")
      .filter { $0.hasPrefix("stream-disk ") }
    #expect(lines.count == 3)
    for line in lines { try await shell(String(line)) }
  }

  /// A shell in a directory with an image, disk.qcow2, where stream-disk is in the PATH.
  private struct Shell {
    private let beginning: String

    init() async throws {
      let sandbox = try Sandbox.current()
      let words = try StreamDisk.command().map { "'\($0)'" }.joined(separator: " ")
      beginning = "set -e; cd '\(sandbox.directory)'; stream-disk() { \(words) \"$@\"; }\n"
      let raw = try sandbox.image("image")
      try await sandbox.succeed(
        "qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, sandbox.path("disk.qcow2"))
    }

    func callAsFunction(_ line: String) async throws {
      let child = try await Sandbox.current().run("bash", "-c", beginning + line)
      #expect(try await child.exit() == .exited(0), "\(line)\n\(child.errors)")
    }

    func compare() async throws {
      try await self("qemu-img compare -f qcow2 -F qcow2 disk.qcow2 back.qcow2")
    }
  }
}
