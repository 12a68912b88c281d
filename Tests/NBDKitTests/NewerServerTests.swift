import NBDKit
import NBDKitTestKit
import SystemPackage
import Testing

@Suite("What an older server lacks", .exclusiveServer)
struct NewerServerTests {
  @Test("is refused with the version that has it")
  func refused() {
    expect("parse_probability: the server is too old: nbdkit 1.36 is needed") {
      () throws(PluginError) in _ = try Server.parseProbability("10%", name: "chance")
    }
    expect("parse_delay: the server is too old: nbdkit 1.40 is needed") { () throws(PluginError) in
      _ = try Server.parseDelay("10ms", name: "delay")
    }
    expect("peer_security_context: the server is too old: nbdkit 1.36 is needed") {
      () throws(PluginError) in _ = try Server.peerSecurityContext()
    }
    expect("peer_tls_dn: the server is too old: nbdkit 1.40 is needed") { () throws(PluginError) in
      _ = try Server.peerTLSName()
    }
    expect("peer_tls_issuer_dn: the server is too old: nbdkit 1.40 is needed") {
      () throws(PluginError) in _ = try Server.peerTLSIssuer()
    }
  }

  @Test("has no name and no time stamp")
  func absent() {
    #expect(Server.serverName == nil)
    #expect(Server.timestamp == nil)
  }

  private func expect(_ message: String, _ body: () throws(PluginError) -> Void) {
    #expect(throws: PluginError(.notSupported, message)) { try body() }
  }
}
