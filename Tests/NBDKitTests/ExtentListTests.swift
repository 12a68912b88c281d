import NBDKit
import NBDKitTestKit
import SystemPackage
import Testing

@Suite("A plugin's own list of extents", .exclusiveServer)
struct ExtentListTests {
  @Test("has what was added, as far as it lies in its range")
  func added() throws {
    var list = try ExtentList(of: 4096..<1 << 20)
    #expect(list.count == 0)
    try list.add(0..<8192, .data)
    try list.add(8192..<1 << 30, [.hole, .zero])
    #expect(list.count == 2)
    let (first, second) = (list[0], list[1])
    #expect(first.range == 4096..<8192)
    #expect(first.kind == .data)
    #expect(second.range == 8192..<1 << 20)
    #expect(second.kind == [.hole, .zero])
  }

  @Test("refuses a gap, and stays as it was")
  func gap() throws {
    var list = try ExtentList(of: 0..<1 << 20)
    try list.add(0..<512, .data)
    var refusal: PluginError?
    do throws(PluginError) { try list.add(1024..<2048, .data) } catch { refusal = error }
    #expect(
      refusal == PluginError(.outOfRange, "extents: 1024..<2048 was not accepted by the server"))
    #expect(list.count == 1)
  }

  @Test(
    "is not about more than a disk can have", arguments: [0..<UInt64(1) << 63, 1 << 63..<1 << 63])
  func tooLarge(range: Range<UInt64>) {
    var refusal: PluginError?
    do throws(PluginError) { _ = try ExtentList(of: range) } catch { refusal = error }
    #expect(refusal?.errno == .outOfRange)
  }
}
