import Foundation
import Testing

@Suite("What a client is told", .endToEnd, .requires("nbdkit", "nbdinfo"))
struct AdvertisedTests {
  /// Fast zeroes are refused one by one: not offered, a client that asks all the same would end
  /// nbdkit. Several connections: clients would write ranges of 128 MiB side by side.
  @Test("zeroes, also fast ones, flushes, forced unit access, trimming; no second connection")
  func capabilities() async throws {
    let sandbox = try Sandbox.current()
    let nbdkit = try await sandbox.nbdkit("pipe=/dev/null", "size=1M")
    let told = try await sandbox.succeed("nbdinfo", "--json", nbdkit.uri).output
    let object = try JSONSerialization.jsonObject(with: Data(told.utf8)) as? [String: Any]
    let export = (object?["exports"] as? [[String: Any]])?.first
    let expected = [
      "can_zero": true, "can_flush": true, "can_fua": true, "can_trim": true,
      "can_fast_zero": true, "can_multi_conn": false, "can_cache": false,
      "is_read_only": false, "is_rotational": false,
    ]
    for (capability, isThere) in expected {
      #expect(export?[capability] as? Bool == isThere, "\(capability)")
    }
    #expect(export?["export-size"] as? Int == 1.mib)
  }
}
