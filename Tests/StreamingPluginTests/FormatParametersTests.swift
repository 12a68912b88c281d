import NBDKit
import StreamFormats
import Testing

@testable import StreamingPlugin

@Suite("format=") struct FormatParametersTests {
  /// Takes parameters such as `size=1M`, and checks them together.
  private func take(_ parameters: [String]) throws -> Parameters {
    var taken = Parameters()
    for parameter in ["pipe=out"] + parameters {
      let parts = parameter.split(separator: "=", maxSplits: 1).map(String.init)
      try taken.take(parts[0], parts[1])
    }
    try taken.check()
    return taken
  }

  @Test(
    "is taken with a size that the format can have",
    arguments: [
      ["format=raw"], ["format=vhd", "size=1048576"], ["format=tar", "size=1073741824"],
      ["format=vmdk", "size=65536", "compress-level=0"],
      ["format=vmdk", "size=65536", "compress-level=9"], ["format=rbd-diff", "size=511"],
      ["format=rbd-image", "size=511", "compress=zstd", "compress-level=19"],
      ["format=tar", "size=1073741824", "compress=gzip", "digest=sha256"],
    ])
  func taken(_ parameters: [String]) throws {
    #expect("format=\(try take(parameters).format.rawValue)" == parameters[0])
  }

  @Test(
    "is refused, with what would be right",
    arguments: [
      (["format=qcow2"], "raw, vhd, tar, vmdk, rbd-diff, rbd-image"),
      (["format=vhd"], "needs size="),
      (["format=vhd", "size=1048577"], "give size=2097152, and pad=true"),
      (["format=tar", "size=1073741825"], "give size=2147483648, and pad=true"),
      (["format=vmdk", "size=65537"], "give size=131072, and pad=true"),
      (["format=vmdk", "size=70368744243200"], "at most 70368744177664"),
      (["format=vmdk", "size=65536", "compress=zstd"], "compresses by itself"),
      (["format=vmdk", "size=65536", "compress=gzip"], "compresses by itself"),
      (["format=vmdk", "size=65536", "compress-level=10"], "vmdk has levels 0 to 9"),
      (["format=vhd", "size=1048576", "compress-level=1"], "needs compress="),
    ])
  func refused(_ parameters: [String], _ words: String) {
    let error = #expect(throws: PluginError.self) { _ = try take(parameters) }
    #expect(error.map { "\($0)".contains(words) } == true)
  }

  @Test("is refused where a disk is read")
  func read() {
    var parameters = Parameters()
    #expect(throws: PluginError.self) {
      try parameters.take("read", "in")
      try parameters.take("format", "vhd")
      try parameters.take("size", "1M")
      try parameters.check()
    }
  }
}
