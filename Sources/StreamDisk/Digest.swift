internal import SystemPackage

/// SHA-256 by sha256sum, as `sha256:` and the digest.
enum Digest {
  /// sha256sum, and the descriptor through which it takes what it hashes.
  struct Hashing {
    let input: FileDescriptor
    private let child: Child
    private let printed: Task<[UInt8], Never>

    init() async throws(Failure) {
      let input = try Pipe()
      let output = try Pipe()
      self.input = input.writing
      child = try await Child.start(
        ["sha256sum"], Child.Streams(input: input.reading, output: output.writing))
      printed = Task { await waiting { readAll(output.reading) } }
    }

    func end() async throws(Failure) -> String {
      let ended = await child.end()
      let text = String(decoding: await printed.value, as: UTF8.self)
      try Interruption.shared.check()
      guard ended.isSuccess, let digest = text.prefixMatch(of: /[0-9a-f]{64}/) else {
        throw Failure("sha256sum has failed")
      }
      return "sha256:\(digest.output)"
    }
  }

  /// The digest of the bytes of a disk in an image.
  static func ofImage(_ path: String, format: String) async throws(Failure) -> String {
    let hashing = try await Hashing()
    let output = try Pipe()
    let pump = Pump(from: output.reading, into: hashing.input, name: "sha256sum")
    pump.start()
    let reader = try await Child.start(
      ["nbdcopy", "--", "[", "qemu-nbd", "--read-only", "-f", format, path, "]", "-"],
      Child.Streams(output: output.writing))
    let ended = await reader.end()
    let failure = await pump.end()
    let digest = try await hashing.end()
    if let failure { throw failure }
    guard ended.isSuccess else {
      throw Failure("nbdcopy and qemu-nbd can't read what was restored")
    }
    return digest
  }

  /// The digest of a stream as it is.
  static func ofStream(_ source: Source) async throws(Failure) -> String {
    let hashing = try await Hashing()
    if let file = source.file {
      let pump = Pump(from: file, into: hashing.input, name: source.name)
      pump.start(beginning: source.beginning)
      // If sha256sum is ended, the pump may still wait for a silent source.
      let digest = try await hashing.end()
      if let failure = await pump.end() { throw failure }
      return digest
    }
    guard let command = source.command else { return try await hashing.end() }
    let child = try await Child.start(
      ["/bin/sh", "-c", command], Child.Streams(output: hashing.input), ownSession: true)
    let isSuccess = await child.end().isSuccess
    let digest = try await hashing.end()
    guard isSuccess else { throw Failure("the command has failed") }
    return digest
  }
}
