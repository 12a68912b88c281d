import Testing

@Suite("qemu-img", .endToEnd, .requires("nbdkit", "qemu-img"))
struct QemuImgTests {
  /// What an image is converted from.
  enum Source: String, CaseIterable {
    case raw = "raw"
    case qcow2 = "qcow2"
    case compressed = "qcow2 -c"
    case vmdk = "vmdk"

    var format: Substring { rawValue.prefix { $0 != " " } }
  }

  @Test(
    "convert streams an image, with size= and without", arguments: Source.allCases,
    ["-n", ""])
  func convert(from source: Source, options: String) async throws {
    let sandbox = try Sandbox.current()
    let image = try sandbox.image("image")
    let file = sandbox.path("source")
    try await sandbox.succeed(
      "/bin/sh", "-c", "qemu-img convert -f raw -O \(source.rawValue) '\(image)' '\(file)'")
    let command = "qemu-img convert \(options) -f \(source.format) -O raw '\(file)' \"$uri\""
    try await expectStreamed(image, by: command, size: 16.mib)
    try await expectStreamed(image, by: command)
  }

  @Test("convert streams an image with every cache mode", arguments: ["none", "writethrough"])
  func cache(mode: String) async throws {
    let image = try Sandbox.current().image("image")
    try await expectStreamed(
      image, by: "qemu-img convert -n -t \(mode) -f raw -O raw '\(image)' \"$uri\"", size: 16.mib)
  }

  @Test("convert streams the smallest images, with size= and without", arguments: [512, 4096])
  func smallest(size: Int) async throws {
    let image = try Sandbox.current().image("image", size: size, data: [size - 512..<size])
    let command = "qemu-img convert -n -f raw -O raw '\(image)' \"$uri\""
    try await expectStreamed(image, by: command, size: size)
    try await expectStreamed(image, by: command)
  }

  // With size=, no more than that can't be held back until it is certain.
  @Test("convert without -n streams images of more than 4 KiB", arguments: [4608, 64.kib])
  func smallestWithoutN(size: Int) async throws {
    let image = try Sandbox.current().image("image", size: size, data: [size - 512..<size])
    let command = "qemu-img convert -f raw -O raw '\(image)' \"$uri\""
    try await expectStreamed(image, by: command, size: size)
    try await expectStreamed(image, by: command)
  }

  @Test("convert streams an image that is one hole, or ends with one", arguments: [0, 1.mib])
  func hole(data: Int) async throws {
    let image = try Sandbox.current().image("image", size: 16.mib, data: [0..<data])
    let command = "qemu-img convert -n -f raw -O raw '\(image)' \"$uri\""
    try await expectStreamed(image, by: command, size: 16.mib)
    try await expectStreamed(image, by: command)
  }

  @Test("dd streams an image, with size= and without")
  func dd() async throws {
    let image = try Sandbox.current().image("image")
    let command = "qemu-img dd -f raw -O raw bs=1M if='\(image)' of=\"$uri\""
    try await expectStreamed(image, by: command, size: 16.mib)
    try await expectStreamed(image, by: command)
  }
}
