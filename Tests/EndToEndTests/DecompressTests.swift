import Foundation
import Glibc
import Testing

@Suite(
  "A compressed stream is read as a disk", .endToEnd(limit: .seconds(300)),
  .requires("nbdkit", "qemu-img"))
struct DecompressTests {
  /// How an image is compressed; the plugin writes the stream into `$out`.
  struct Packed: CustomTestStringConvertible {
    let command: String
    let compression: String
    var testDescription: String { command }

    static let all = [
      Packed(command: "zstd -q -1 -c '$in'", compression: "zstd"),
      Packed(command: "zstd -q -19 -c <'$in'", compression: "zstd"),
      Packed(
        command: "head -c 9M '$in' | zstd -qc; tail -c +9437185 '$in' | zstd -qc",
        compression: "zstd"),
      Packed(command: "gzip -1 -c '$in'", compression: "gzip"),
      Packed(command: "plugin", compression: "zstd"),
      Packed(command: "plugin", compression: "gzip"),
    ]
  }

  enum Reader: String, CaseIterable {
    case convert = "qemu-img convert -f raw $uri -O raw '$out'"
    case qcow2 = "qemu-img convert -f raw $uri -O qcow2 '$out'"
    case unordered = "qemu-img convert -W -m 16 -f raw $uri -O raw '$out'"
    case nbdcopy = "nbdcopy $uri '$out'"
    case synchronous = "nbdcopy --synchronous $uri '$out'"
    case fewRequests = "nbdcopy --requests=4 --request-size=65536 $uri '$out'"

    var format: String { self == .qcow2 ? "qcow2" : "raw" }
  }

  /// Holes at both ends, between, and short ones within data.
  private func image(_ sandbox: Sandbox) throws -> String {
    try sandbox.image(
      "image", size: 48.mib,
      data: [
        1.mib..<5.mib, 5.mib + 4.kib..<5.mib + 8.kib, 9.mib + 512..<9.mib + 9000,
        30.mib..<32.mib + 100_000, 40.mib..<40.mib + 4.kib,
      ])
  }

  /// Makes the stream, a file.
  private func pack(_ image: String, _ packed: Packed, _ sandbox: Sandbox) async throws -> String {
    let out = sandbox.path("stream")
    guard packed.command == "plugin" else {
      let command = packed.command.replacing("$in", with: image)
      try await sandbox.succeed("/bin/sh", "-ec", "{ \(command); } >'\(out)'")
      return out
    }
    let nbdkit = try await sandbox.nbdkit(
      "write-command=cat >'\(out)'", "size=48M", "compress=\(packed.compression)",
      run: "qemu-img convert -n -f raw '\(image)' -O raw $uri")
    #expect(try await nbdkit.exit() == .exited(0))
    return out
  }

  private func allocated(_ path: String) -> Int {
    var status = stat()
    stat(path, &status)
    return Int(status.st_blocks) * 512
  }

  @Test(
    "whose holes are holes, by every client", .requires("zstd", "nbdcopy"), arguments: Packed.all,
    Reader.allCases)
  func clients(packed: Packed, reader: Reader) async throws {
    let sandbox = try Sandbox.current()
    let image = try image(sandbox)
    let stream = try await pack(image, packed, sandbox)
    let out = sandbox.path("out")
    let nbdkit = try await sandbox.nbdkit(
      "read-command=cat '\(stream)'", "size=48M", "decompress=\(packed.compression)",
      "report=\(sandbox.path("report"))",
      run: reader.rawValue.replacing("$out", with: out))
    #expect(try await nbdkit.exit() == .exited(0))
    #expect(nbdkit.errors == "")
    let compared = try await sandbox.run(
      "qemu-img", "compare", "-f", "raw", "-F", reader.format, image, out)
    #expect(compared.output == "Images are identical.\n")
    // qcow2 has tables, and clusters of 64 KiB.
    let allowed = allocated(image) * 11 / 10 + (reader == .qcow2 ? 1.mib : 0)
    #expect(allocated(out) <= allowed)
    let report = try Report(sandbox.path("report"))
    #expect(report.outcome == "complete")
    #expect(report.bytes == 48.mib)
    #expect(report.missingBytes == 0)
    #expect(report.zeroBytes > 36.mib)
    #expect(report.exitStatus == 0)
    #expect(report.compression == packed.compression)
    #expect(report.outputBytes == contents(stream).count)
  }

  @Test("whose holes nbdinfo shows", .requires("zstd", "nbdinfo"))
  func map() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image", size: 16.mib, data: [4.mib..<5.mib])
    try await sandbox.succeed("zstd", "-q", image, "-o", sandbox.path("stream"))
    let nbdkit = try await sandbox.nbdkit(
      "read-command=cat '\(sandbox.path("stream"))'", "size=16M", "decompress=zstd")
    let map = try await sandbox.succeed("nbdinfo", "--map", nbdkit.uri).output
    let lines = map.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(
      lines == [
        ["0", "\(4.mib)", "3", "hole,zero"], ["\(4.mib)", "\(1.mib)", "0", "data"],
        ["\(5.mib)", "\(11.mib)", "3", "hole,zero"],
      ])
  }

  @Test(
    "whose extents and bytes are the image's, for any range in any order",
    .requires("zstd", "python3-libnbd"), arguments: Packed.all, ["rewind=0", "rewind=48M"])
  func anyRange(packed: Packed, rewind: String) async throws {
    let sandbox = try Sandbox.current()
    let image = try image(sandbox)
    let stream = try await pack(image, packed, sandbox)
    let nbdkit = try await sandbox.nbdkit(
      "read-command=cat '\(stream)'", "size=48M", "decompress=\(packed.compression)", rewind)
    let seed = Int.random(in: 1...1_000_000)
    let result = try await sandbox.run(
      Client.python, scriptPath("extents.py"), nbdkit.uri, image, "\(seed)", rewind)
    #expect(try await result.exit() == .exited(0), "seed \(seed): \(result.errors)")
    #expect(nbdkit.log.contains("below the stream's position") == (rewind == "rewind=0"))
  }

  @Test("whose digests are those of the report that was written", .requires("zstd"))
  func digests() async throws {
    let sandbox = try Sandbox.current()
    let image = try image(sandbox)
    let stream = sandbox.path("stream")
    let digests = ["digest=sha256", "disk-digest=sha256"]
    let writing = try await sandbox.nbdkit(
      ["write-command=cat >'\(stream)'", "size=48M", "compress=zstd"]
        + ["report=\(sandbox.path("written"))"] + digests,
      run: "qemu-img convert -n -f raw '\(image)' -O raw $uri")
    #expect(try await writing.exit() == .exited(0))
    let reading = try await sandbox.nbdkit(
      ["read-command=cat '\(stream)'", "size=48M", "decompress=zstd"]
        + ["report=\(sandbox.path("read"))"] + digests,
      run: "qemu-img convert -f raw $uri -O qcow2 '\(sandbox.path("out"))'")
    #expect(try await reading.exit() == .exited(0))
    let written = try Report(sandbox.path("written"))
    let read = try Report(sandbox.path("read"))
    #expect(read.compression == written.compression)
    #expect(read.outputBytes == written.outputBytes)
    #expect(read.digest == written.digest)
    #expect(read.diskDigest == written.diskDigest)
    #expect(written.digest != nil)
    #expect(written.diskDigest != nil)
    #expect(written.diskDigest != written.digest)
  }

  // MARK: Faults

  /// What is wrong with a stream, and what the report says of it.
  enum Fault: String, CaseIterable {
    case cut = "head -c 200000 stream"
    case cutBeforeChecksum = "head -c -3 stream"
    case garbage = "cat stream; echo garbage"
    case flipped = "head -c 150000 stream; printf X; tail -c +150002 stream"
    case other = "head -c 100000 image"
    case nothing = "true"
    case failing = "cat stream; exit 3"

    /// What its message says.
    var message: String {
      switch self {
      case .cut, .cutBeforeChecksum: "the zstd stream is cut off: it ends after "
      case .garbage, .other: ": no zstd frame begins here"
      case .flipped: "the zstd stream is damaged at byte "
      case .nothing: "the zstd stream is empty"
      case .failing: "the command failed with exit status 3"
      }
    }
  }

  @Test(
    "that is damaged is never complete, and no wrong byte is given",
    .requires("zstd"), arguments: Fault.allCases, [false, true])
  func fault(_ fault: Fault, pads: Bool) async throws {
    let sandbox = try Sandbox.current()
    // Random, so that a flipped bit of it is damage.
    try await sandbox.succeed(
      "/bin/sh", "-ec",
      "cd '\(sandbox.directory)'; head -c 1M /dev/urandom >image; zstd -q image -o stream")
    let nbdkit = try await sandbox.nbdkit(
      "read-command=cd '\(sandbox.directory)'; \(fault.rawValue)", "size=1M", "decompress=zstd",
      "pad=\(pads)", "report=\(sandbox.path("report"))",
      run: "qemu-img convert -f raw $uri -O raw '\(sandbox.path("out"))'")
    let exit = try await nbdkit.exit()
    let report = try Report(sandbox.path("report"))
    #expect(report.outcome == "failed")
    #expect(report.error?.contains(fault.message) == true, "\(report.error ?? "no error")")
    // What comes behind the last byte the client does not see.
    let isBehind = fault == .garbage || fault == .failing
    #expect(exit == .exited(isBehind ? 0 : 1))
    #expect(report.bytes == (isBehind ? 1.mib : 0))
  }

  @Test("whose writer dies fails", .requires("zstd", "python3-libnbd"))
  func writerDies() async throws {
    let (nbdkit, client, writer) = try await slow()
    try client.send("read \(2.mib) 4096")
    try await nbdkit.receive("read \(2.mib) 4096")
    writer.signal(SIGKILL)
    #expect(try await client.answer(within: .atOnce) == "EIO")
    _ = try await client.ask("disconnect")
    try await nbdkit.stop()
    let report = try Report(try Sandbox.current().path("report"))
    #expect(report.outcome == "failed")
    #expect(report.error?.contains("cut off") == true)
  }

  @Test(
    "that is slow is waited for, until the server stops", .requires("zstd", "python3-libnbd"),
    arguments: ["read \(2.mib) 4096", "extents \(2.mib) 4096"])
  func stopped(step: String) async throws {
    let (nbdkit, client, _) = try await slow()
    try client.send(step)
    try await Task.sleep(for: .milliseconds(300))
    #expect(client.isWaiting)
    try nbdkit.signal(SIGTERM)
    #expect(try await client.answer(within: .atOnce) == "ESHUTDOWN")
    try await nbdkit.child.exit(within: .atOnce)
    #expect(try Report(try Sandbox.current().path("report")).outcome != "complete")
  }

  @Test("that is slow is as right for the next client", .requires("zstd", "python3-libnbd"))
  func clientGone() async throws {
    let (nbdkit, client, writer) = try await slow()
    try client.send("extents \(2.mib) 4096")
    try await Task.sleep(for: .milliseconds(300))
    try await client.die()
    try await eventually("the request to end", within: .atOnce) {
      nbdkit.errorLines.contains { $0.contains("interrupted") }
    }
    let next = try await nbdkit.connect()
    writer.signal(SIGUSR1)
    #expect(try await next.ask("read \(2.mib) 4096") == "pattern")
  }

  /// A server whose source has given a part of the stream, up to where 2 MiB are decoded at most,
  /// and gives the rest when it gets SIGUSR1.
  private func slow() async throws -> (nbdkit: Nbdkit, client: Client, writer: Child) {
    let sandbox = try Sandbox.current()
    let fifo = try sandbox.fifo()
    let image = try sandbox.image("image", size: 4.mib, data: [0..<4.mib])
    let nbdkit = try await sandbox.nbdkit(
      "read=\(fifo)", "size=4M", "decompress=zstd", "report=\(sandbox.path("report"))",
      options: ["-v"])
    try await sandbox.succeed(
      "/bin/sh", "-ec",
      "for part in 0 1 2 3; do dd if='\(image)' bs=1M count=1 skip=$part status=none | zstd -qc; "
        + "done >'\(sandbox.path("stream"))'")
    // Into the third frame: a stream that ends between two of them looks whole, but for its size.
    let half = contents(sandbox.path("stream")).count / 2 + 100
    let writer = try await sandbox.start([
      "/bin/bash", "-c",
      """
      trap 'go=1' USR1
      exec <'\(sandbox.path("stream"))' >'\(fifo)'
      head -c \(half)
      until test "$go"; do sleep 0.1; done
      exec cat
      """,
    ])
    let client = try await nbdkit.connect()
    #expect(try await client.ask("read 0 4096") == "pattern")
    return (nbdkit, client, writer)
  }
}
