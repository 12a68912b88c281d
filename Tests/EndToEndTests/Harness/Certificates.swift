/// Certificates made on the spot, each kind in the directory that a server or client is given.
struct Certificates {
  /// The server's, with its authority's.
  let server: String
  /// A client's, of the same authority.
  let client: String
  /// What a client has that knows the authority but is not known to it.
  let authorityOnly: String
  /// A client's with a certificate of its own making, which trusts this server.
  let selfMade: String
}

extension Sandbox {
  /// Needs openssl.
  func certificates() async throws -> Certificates {
    let made = path("pki")
    let others = path("others")
    for directory in [made, others] {
      try await succeed(
        "\(packageRoot)/Tests/EndToEndTests/Scripts/certificates.sh", directory)
    }
    try await succeed(
      "/bin/sh", "-ec",
      """
      cd '\(directory)'; mkdir server client authority
      cp pki/ca-cert.pem server; cp pki/server-* server
      cp pki/ca-cert.pem client; cp pki/client-* client
      cp pki/ca-cert.pem authority; cp pki/ca-cert.pem others
      """)
    return Certificates(
      server: path("server"), client: path("client"), authorityOnly: path("authority"),
      selfMade: others)
  }
}
