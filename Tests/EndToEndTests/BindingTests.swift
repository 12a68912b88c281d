import Foundation
import Glibc
import Testing

/// NBDKit in the real server, by a RAM disk that can do all it offers: Tests/ProbePlugin.
@Suite("A plugin made with NBDKit", .endToEnd)
struct BindingTests {
  /// Requests that begin at this offset + N fail with errno N.
  private static let bad = 1.mib - 4096

  @Test(
    "announces what its connection conforms to and nothing else", .requires("nbdkit", "nbdinfo"))
  func flags() async throws {
    let info = try await info()
    for flag in [
      "can_flush", "can_fua", "can_zero", "can_fast_zero", "can_trim", "can_df", "can_cache",
    ] {
      #expect(info.contains("\"\(flag)\": true"))
    }
    #expect(info.contains("\"block_size_preferred\": 4096"))
    #expect(info.contains("\"description\": \"a probe\""))
    for flag in ["can_multi_conn", "is_read_only", "is_rotational"] {
      #expect(info.contains("\"\(flag)\": false"))
    }
    #expect(info.contains("\"export-size\": \(1.mib)"))
    #expect(info.contains("\"base:allocation\""))
  }

  @Test("is read-only where the server is", .requires("nbdkit", "nbdinfo"))
  func readOnly() async throws {
    #expect(try await info(options: ["-r"]).contains("\"is_read_only\": true"))
  }

  private func info(options: [String] = []) async throws -> String {
    let sandbox = try Sandbox.current()
    let uri = try await sandbox.probe(options: options).uri
    return try await sandbox.succeed("nbdinfo", "--json", uri).output
  }

  @Test(
    "gives back what was written, zeroed and trimmed, to every client",
    .requires("nbdkit", "python3-libnbd"))
  func roundTrip() async throws {
    let nbdkit = try await Sandbox.current().probe()
    let first = try await nbdkit.connect()
    let second = try await nbdkit.connect()
    #expect(try await first.ask("write 1000 200000") == "ok")
    #expect(try await first.ask("fua 300001 1") == "ok")
    #expect(try await first.ask("zero 8192 4096") == "ok")
    #expect(try await first.ask("trim 65536 4096") == "ok")
    #expect(try await first.ask("flush") == "ok")
    #expect(try await second.ask("read 0 1000") == "zeroes")
    #expect(try await second.ask("read 1000 7192") == "pattern")
    #expect(try await second.ask("read 8192 4096") == "zeroes")
    #expect(try await second.ask("read 12288 53248") == "pattern")
    #expect(try await second.ask("read 65536 4096") == "zeroes")
    #expect(try await second.ask("read 69632 131368") == "pattern")
    #expect(try await second.ask("read 300001 1") == "pattern")
    #expect(nbdkit.log.contains("probe saw a forced write"))
    #expect(nbdkit.log.contains("probe flushed"))
  }

  @Test("serves qemu", .requires("nbdkit", "qemu-io"))
  func qemu() async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await sandbox.probe()
    try await sandbox.succeed(
      "qemu-io", "-f", "raw", "-c", "write -P 7 4096 128k", "-c", "write -z -u 64k 8k",
      "-c", "discard 72k 4k", "-c", "read -P 7 4096 60k", "-c", "read -P 0 64k 12k", nbdkit.uri)
  }

  @Test("tells data from holes", .requires("nbdkit", "python3-libnbd"))
  func extents() async throws {
    let nbdkit = try await Sandbox.current().probe()
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 8192 100") == "ok")
    // 3 is a hole that reads as zeroes; the last extent may go beyond what was asked for.
    #expect(try await client.ask("extents 5000 10000") == "3192:3, 4096:0, 4096:3")
    // What the plugin collects by itself before it answers: neighbours of a kind are one.
    #expect(nbdkit.log.contains("probe tells of 3 extents, from 4096..<8192 on"))
  }

  @Test("fails a request with its own errno", .requires("nbdkit", "python3-libnbd"))
  func errors() async throws {
    let nbdkit = try await Sandbox.current().probe()
    let client = try await nbdkit.connect()
    let errnos = [
      (EPERM, "EPERM"), (EIO, "EIO"), (ENOMEM, "ENOMEM"), (EINVAL, "EINVAL"),
      (ENOSPC, "ENOSPC"), (ESHUTDOWN, "ESHUTDOWN"), (EROFS, "EPERM"), (EFBIG, "ENOSPC"),
      (EDQUOT, "ENOSPC"), (EOVERFLOW, "EINVAL"), (EPIPE, "EINVAL"),
    ]
    for (errno, name) in errnos {
      for step in ["read", "write", "zero", "trim", "extents"] {
        let answer = try await client.ask("\(step) \(Self.bad + Int(errno)) 1")
        #expect(answer == name, "\(step) \(errno)")
      }
    }
    #expect(nbdkit.errorLines.contains("probe: No space left on device at 1044508?as asked"))
    #expect(try await client.ask("read 0 512") == "zeroes")
  }

  @Test(
    "refuses a zero that must be fast but is not, and leaves the disk as it is",
    .requires("nbdkit", "python3-libnbd"))
  func fastZero() async throws {
    let nbdkit = try await Sandbox.current().probe()
    let client = try await nbdkit.connect()
    #expect(try await client.ask("write 0 8192") == "ok")
    #expect(try await client.ask("fast-zero 4096 4096") == "ok")
    #expect(try await client.ask("fast-zero 0 100") == "ENOTSUP")
    #expect(try await client.ask("read 0 4096") == "pattern")
    #expect(try await client.ask("read 4096 4096") == "zeroes")
    #expect(nbdkit.errorLines.isEmpty)
  }

  @Test("takes the advice to cache", .requires("nbdkit", "python3-libnbd"))
  func cache() async throws {
    let nbdkit = try await Sandbox.current().probe()
    #expect(try await nbdkit.connect().ask("cache 512 1000") == "ok")
    #expect(nbdkit.log.contains("probe told to cache 1000 at 512"))
  }

  @Test(
    "fails a request with EIO for a foreign error, and zero for ENOTSUP",
    .requires("nbdkit", "python3-libnbd"))
  func otherErrors() async throws {
    let client = try await Sandbox.current().probe().connect()
    #expect(try await client.ask("write \(Self.bad - 1) 1") == "EIO")
    #expect(try await client.ask("zero \(Self.bad + Int(ENOTSUP)) 1") == "EIO")
    // Had nbdkit written the zeroes itself, it would have been refused with EINVAL.
    #expect(try await client.ask("write \(Self.bad + Int(ENOTSUP)) 1") == "EINVAL")
  }

  @Test(
    "releases the connection of a client that leaves or is killed",
    .requires("nbdkit", "python3-libnbd"))
  func clientsGo() async throws {
    let nbdkit = try await Sandbox.current().probe()
    #expect(try await nbdkit.connect().ask("disconnect") == "ok")
    try await eventually("the first to be released") { nbdkit.ends == ["closed", "released"] }
    let second = try await nbdkit.connect()
    try second.send("half-write 0 \(1.mib)")
    try await second.die()
    try await eventually("the second to be released") { nbdkit.ends.count == 4 }
    #expect(try await nbdkit.stop() == .exited(0))
    #expect(nbdkit.ends == ["closed", "released", "closed", "released", "cleaned up", "unloaded"])
  }

  @Test(
    "releases the connection of a client that is still there when the server ends, after cleanup",
    .requires("nbdkit", "python3-libnbd"))
  func serverEnds() async throws {
    let nbdkit = try await Sandbox.current().probe()
    let client = try await nbdkit.connect()
    try nbdkit.signal(SIGTERM)
    // An idle client keeps the server; it closes no connection that ends from here on.
    try await Task.sleep(for: .milliseconds(300))
    #expect(nbdkit.ends.isEmpty)
    try await client.die()
    #expect(try await nbdkit.child.exit() == .exited(0))
    #expect(nbdkit.ends == ["cleaned up", "closed", "released", "unloaded"])
  }

  @Test("knows its client", .requires("nbdkit", "python3-libnbd"))
  func peer() async throws {
    let nbdkit = try await Sandbox.current().probe()
    let client = try await nbdkit.connect()
    let met = "probe met \(getuid()):\(getgid()), process \(client.child.pid), at unix(path: nil)"
    #expect(nbdkit.log.contains(met))
    #expect(nbdkit.log.contains("probe opens '' without TLS"))
  }

  @Test("reads a password from a file", .requires("nbdkit"))
  func password() async throws {
    let sandbox = try Sandbox.current()
    try Data("open sesame\n".utf8).write(to: URL(filePath: sandbox.path("password")))
    let nbdkit = try await sandbox.nbdkit(
      "password=+\(sandbox.path("password"))", options: ["-v"], plugin: Plugin.probe())
    #expect(nbdkit.log.contains("probe was given 'open sesame'"))
  }

  @Test("can end the server, which still answers", .requires("nbdkit", "python3-libnbd"))
  func shutdown() async throws {
    let nbdkit = try await Sandbox.current().probe()
    let client = try await nbdkit.connect()
    #expect(try await client.ask("read \(Self.bad - 2) 1") == "zeroes")
    try await client.die()
    #expect(try await nbdkit.child.exit() == .exited(0))
    #expect(nbdkit.ends == ["cleaned up", "closed", "released", "unloaded"])
  }

  @Test(
    "can disconnect a client, or is told that the server can't",
    .requires("nbdkit", "python3-libnbd"))
  func disconnect() async throws {
    let nbdkit = try await Sandbox.current().probe()
    let client = try await nbdkit.connect()
    let answer = try await client.ask("read \(Self.bad - 3) 1")
    if nbdkit.errorLines.contains("disconnect: the server is too old: nbdkit 1.34 is needed") {
      #expect(answer == "EINVAL", "what nbdkit makes of ENOTSUP")
      #expect(try await client.ask("read 0 512") == "zeroes")
    } else {
      #expect(try await client.ask("read 0 512") != "zeroes")
    }
  }

  /// Of 1.48: older ones have not all.
  private static let newer: [(what: String, function: String, since: Int)] = [
    ("label", "peer_security_context", 36), ("subject", "peer_tls_dn", 40),
    ("issuer", "peer_tls_issuer_dn", 40), ("dump", "debug_hexdump", 46),
    ("difference", "debug_hexdiff", 48),
  ]

  @Test(
    "has what newer servers tell, or says which version does",
    .requires("nbdkit", "nbdinfo", "openssl"))
  func newer() async throws {
    let sandbox = try Sandbox.current()
    let minor = try await sandbox.nbdkitMinor()
    let certificates = try await sandbox.certificates()
    let nbdkit = try await sandbox.probe(
      options: [
        "--tls=require", "--tls-certificates=\(certificates.server)", "--tls-verify-peer",
      ] + (minor >= 48 ? ["--name=hello"] : []))
    try await sandbox.succeed(
      "nbdinfo",
      "nbds+unix:///?socket=\(nbdkit.socket)&tls-certificates=\(certificates.client)")
    for (what, function, since) in Self.newer where minor < since {
      #expect(
        nbdkit.log.contains(
          "probe has no \(what): \(function): the server is too old: nbdkit 1.\(since) is needed"))
    }
    if minor >= 40 {
      #expect(nbdkit.log.contains("probe has a subject: 'CN=client'"))
      #expect(nbdkit.log.contains("probe has a issuer: 'CN=ca'"))
    }
    if minor >= 46 { #expect(nbdkit.log.contains("dump: 00001000: 61 73 20 69 74 20 77 61")) }
    if minor >= 48 {
      #expect(nbdkit.log.contains("difference: -00002000: 61 73 20 69 74 20 77 61"))
      #expect(nbdkit.log.contains(/difference: \+00002000: +69 73 +2e/))
      #expect(nbdkit.log.contains(/probe is served by 'hello' at '2\d\d\d-/))
    } else {
      #expect(nbdkit.log.contains("probe is served by '?' at '?'"))
    }
  }

  @Test(
    "reads a time and a probability, or says which version can", .requires("nbdkit"),
    arguments: [
      ("delay=10ms", 40, "0.01 seconds"), ("delay=3", 40, "3.0 seconds"),
      ("probability=25%", 36, "0.25"), ("probability=1:4", 36, "0.25"),
    ])
  func parsing(parameter: String, since: Int, value: String) async throws {
    let sandbox = try Sandbox.current()
    let child = try await sandbox.run(
      "nbdkit", "-f", "-v", "-U", "-", try Plugin.probe(), parameter, "--run", "true")
    if try await sandbox.nbdkitMinor() < since {
      #expect(try await child.exit() == .exited(1))
      #expect(child.errors.contains("the server is too old: nbdkit 1.\(since) is needed"))
    } else {
      #expect(try await child.exit() == .exited(0))
      #expect(child.errors.contains("probe was given \(value)"))
    }
  }

  @Test(
    "stops sleeping when its client leaves or the server ends",
    .requires("nbdkit", "python3-libnbd"))
  func sleep() async throws {
    let nbdkit = try await Sandbox.current().probe()
    let first = try await nbdkit.connect()
    let request = "read \(Self.bad - 4) 1"
    try first.send(request)
    try await nbdkit.receive(request)
    try await first.die()
    try await eventually("the first to be released") { nbdkit.ends == ["closed", "released"] }

    let second = try await nbdkit.connect()
    try second.send(request)
    try await eventually("the second to sleep") {
      nbdkit.log.matches(of: /pread count=1\s/).count == 2
    }
    try nbdkit.signal(SIGTERM)
    #expect(try await second.answer() == "ESHUTDOWN")
    #expect(try await nbdkit.child.exit() == .exited(0))
  }

  @Test("describes itself", .requires("nbdkit"))
  func description() async throws {
    let sandbox = try Sandbox.current()
    let probe = try Plugin.probe()
    let dump = try await sandbox.succeed("nbdkit", "--dump-plugin", probe, "64k").output
    let fields = Set(dump.split(separator: "\n").map(String.init))
    #expect(
      fields.isSuperset(of: [
        "name=probe", "version=1.2.3", "api_version=2", "struct_size=384", "probe_size=65536",
        "max_thread_model=serialize_requests", "magic_config_key=size",
      ]))
    let help = try await sandbox.succeed("nbdkit", "--help", probe).output
    #expect(help.contains("\nsize=<SIZE>          The disk's size"))
    #expect(try await sandbox.succeed("nbdkit", "--version", probe).output.contains("probe 1.2.3"))
  }

  @Test(
    "refuses a bad command line with one line", .requires("nbdkit"),
    arguments: [
      ("foo=1", "foo=1: unknown: size= and password= are not"),
      ("size=2M", "size=2097152: more than 1M"),
    ])
  func badParameter(_ parameter: String, line: String) async throws {
    let child = try await Sandbox.current().run("nbdkit", "-f", try Plugin.probe(), parameter)
    #expect(try await child.exit() == .exited(1))
    #expect(child.errors == "nbdkit: error: \(line)\n")
  }
}

extension Sandbox {
  fileprivate func probe(options: [String] = []) async throws -> Nbdkit {
    try await nbdkit(options: options + ["-v"], plugin: Plugin.probe())
  }
}

extension Nbdkit {
  /// How connections and the plugin ended, in order.
  fileprivate var ends: [String] {
    log.split(separator: "\n").compactMap { line in
      line.range(of: "debug: end: ").map { String(line[$0.upperBound...]) }
    }
  }
}
