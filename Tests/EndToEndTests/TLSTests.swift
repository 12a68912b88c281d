import Foundation
import Testing

@Suite("Over TLS", .endToEnd, .requires("nbdkit", "openssl"))
struct TLSTests {
  @Test("nbdcopy with a certificate streams an image", .requires("nbdcopy"))
  func nbdcopy() async throws {
    let certificates = try await Sandbox.current().certificates()
    let image = try Sandbox.current().image("image")
    try await expectStreamed(
      image,
      by: "nbdcopy --synchronous '\(image)' \"$uri&tls-certificates=\(certificates.client)\"",
      size: 16.mib, options: require(certificates))
  }

  @Test("qemu-img with a certificate streams an image", .requires("qemu-img"))
  func qemu() async throws {
    let certificates = try await Sandbox.current().certificates()
    let image = try Sandbox.current().image("image")
    try await expectStreamed(
      image,
      by: """
        qemu-img convert -n -f raw --target-image-opts '\(image)' \
          --object tls-creds-x509,id=tls,endpoint=client,dir='\(certificates.client)' \
          driver=nbd,path="$unixsocket",tls-creds=tls,tls-hostname=localhost
        """, size: 16.mib, options: require(certificates))
  }

  @Test("a client with a shared key streams an image", .requires("nbdcopy"))
  func sharedKey() async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let keys = sandbox.path("keys.psk")
    try await sandbox.succeed(
      "/bin/sh", "-ec", "umask 077; echo \"alice:$(openssl rand -hex 32)\" >'\(keys)'")
    try await expectStreamed(
      image,
      by: """
        nbdcopy --synchronous '\(image)' \
          "nbds+unix://alice@/?socket=$unixsocket&tls-psk-file=\(keys)"
        """, size: 16.mib, options: ["--tls=require", "--tls-psk=\(keys)"])
  }

  enum Refused: String, CaseIterable, CustomTestStringConvertible {
    case plain = "without TLS"
    case noCertificate = "without a certificate"
    case selfMade = "with a certificate of its own making"

    var testDescription: String { rawValue }

    func uri(_ socket: String, _ certificates: Certificates) -> String {
      let tls = "nbds+unix:///?socket=\(socket)&tls-certificates="
      return switch self {
      case .plain: "nbd+unix:///?socket=\(socket)"
      case .noCertificate: tls + certificates.authorityOnly
      case .selfMade: tls + certificates.selfMade
      }
    }
  }

  @Test(
    "a client reads nothing, and writes nothing into the stream,", .requires("nbdcopy", "nbdinfo"),
    arguments: Refused.allCases)
  func refused(_ refused: Refused) async throws {
    let sandbox = try Sandbox.current()
    let certificates = try await sandbox.certificates()
    let image = try sandbox.image("image")
    let (nbdkit, reader, report) = try await sandbox.stream(
      "size=16M", options: require(certificates))
    let uri = refused.uri(nbdkit.socket, certificates)

    let info = try await sandbox.run("nbdinfo", "--size", uri)
    #expect(try await info.exit() == .exited(1))
    #expect(info.output == "")
    let copy = try await sandbox.run("nbdcopy", "--synchronous", image, uri)
    #expect(try await copy.exit() == .exited(1))

    // It was that client, not the server, that something was wrong with.
    let trusted = "nbds+unix:///?socket=\(nbdkit.socket)&tls-certificates=\(certificates.client)"
    try await sandbox.succeed("nbdinfo", trusted)
    try await nbdkit.stop()
    try await reader.end()
    #expect(reader.count == 0)
    let found = try Report(report)
    #expect(found.outcome == "short")
    #expect(found.bytes == 0)
  }

  private func require(_ certificates: Certificates) -> [String] {
    ["--tls=require", "--tls-certificates=\(certificates.server)", "--tls-verify-peer"]
  }
}
