import StreamFormats
import Testing

@Suite("The libraries that compress and hash")
struct LibrariesTests {
  @Test(
    "say their versions", arguments: [Libraries.zstd, Libraries.deflate, Libraries.nettle])
  func versions(_ version: String) {
    #expect(version.contains("."))
    #expect(version.split(separator: ".").allSatisfy { Int($0) != nil })
  }
}
