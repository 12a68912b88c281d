import Testing

/// Clients that write each byte once and nearly in order, as they come and with nothing but the
/// defaults.
@Suite(
  "A client that writes nearly in order is streamed byte for byte", .endToEnd(limit: .seconds(300)))
struct DisorderedClientTests {
  enum Content: CaseIterable {
    /// Twice as much data as may wait.
    case dense
    /// 6.5 GiB with holes of 576 MiB to 2.8 GiB: zero requests run far ahead of the data or behind.
    case sparse

    var size: Int { self == .dense ? 512.mib : 6656.mib }

    fileprivate var data: [Range<Int>] {
      switch self {
      case .dense: (0..<8).map { $0 * 64.mib..<($0 + 1) * 64.mib }
      case .sparse: [0, 672.mib, 1536.mib, 3584.mib, 6560.mib].map { $0..<$0 + 96.mib }
      }
    }

    func image(in sandbox: Sandbox) throws -> String {
      try sandbox.image("image", size: size, data: data)
    }
  }

  /// Each run is another order.
  private static let runs = isSoak ? 10 : 2

  @Test(
    "qemu-img convert -W", .requires("nbdkit", "qemu-img"), arguments: [8, 16], Content.allCases)
  func convert(coroutines: Int, content: Content) async throws {
    try await expect(content) {
      "qemu-img convert -W -m \(coroutines) -n -f raw -O raw '\($0)' $uri"
    }
  }

  @Test(
    "nbdcopy from qemu-nbd", .requires("nbdkit", "nbdcopy", "qemu-nbd"), arguments: Content.allCases
  )
  func nbdcopy(content: Content) async throws {
    try await expect(content) { "nbdcopy -- [ qemu-nbd -r -f raw '\($0)' ] $uri" }
  }

  @Test("qemu-img dd", .requires("nbdkit", "qemu-img"), arguments: ["64K", "8M"])
  func dd(block: String) async throws {
    try await expect(.dense, runs: 1) { "qemu-img dd -f raw -O raw bs=\(block) if='\($0)' of=$uri" }
  }

  @Test(
    "qemu-img convert -W with --target-is-zero, which leaves holes out: they are missing",
    .requires("nbdkit", "qemu-img"))
  func targetIsZero() async throws {
    try await expect(.sparse, runs: 1, leavingHolesOut: true) {
      "qemu-img convert -W -n --target-is-zero -f raw -O raw '\($0)' $uri"
    }
  }

  @Test(
    "qemu-img convert -W from a source that answers late", .requires("nbdkit", "qemu-img"),
    arguments: [8, 16], Content.allCases)
  func convertDelayed(coroutines: Int, content: Content) async throws {
    try await expect(content, runs: 1) {
      delayed($0, "qemu-img convert -W -m \(coroutines) -n -f raw -O raw \"$uri\" \"$to\"")
    }
  }

  @Test(
    "nbdcopy from a source that answers late", .requires("nbdkit", "nbdcopy"),
    arguments: Content.allCases)
  func nbdcopyDelayed(content: Content) async throws {
    try await expect(content, runs: 1) { delayed($0, "nbdcopy \"$uri\" \"$to\"") }
  }

  private func delayed(_ image: String, _ client: String) -> String {
    """
    to=$uri nbdkit -U - -r --filter=delay file '\(image)' delay-read=3ms delay-extents=1ms \
      --run '\(client)'
    """
  }

  private func expect(
    _ content: Content, runs: Int = Self.runs, leavingHolesOut: Bool = false,
    by client: (_ image: String) -> String
  ) async throws {
    let image = try content.image(in: .current())
    for _ in 0..<runs {
      try await expectStreamed(
        image, by: client(image), size: content.size, to: nil, leavingHolesOut: leavingHolesOut)
    }
  }
}
