import Foundation
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite("A pipe is made as large as allowed", .timeLimit(.minutes(10)))
struct PipeCapacityTests {
  @Test("It holds as much as it says")
  func filled() throws {
    let line = try Line(.pipe)
    var sink = try line.sink(.none)
    let bytes = pattern(sink.capacity + 1)
    var position: UInt64 = 0
    #expect(throws: TransferError.interrupted) {
      try sink.send(bytes.span.bytes, advancing: &position)
    }
    #expect(position == UInt64(sink.capacity))
  }

  @Test(
    "A user gets the system's limit, and less where all pipes together would hold too much",
    .enabled(if: geteuid() == 0, "needs root to be a user without pipes"))
  func users() async {
    await #expect(processExitsWith: .success) {
      try #require(setuid(54_321) == 0)
      let limit = try Int(
        String(contentsOfFile: "/proc/sys/fs/pipe-max-size", encoding: .ascii).dropLast())
      // These stay small, so that what is left in the end is less than a whole pipe's share.
      let others = try (0..<10).map { _ in try Line(.pipe) }
      let lines = try (0..<100).map { _ in try Line(.pipe) }
      let capacities = try lines.map { try $0.sink().capacity }
      #expect(capacities.first == limit)
      #expect(capacities == capacities.sorted(by: >))
      #expect(Set(capacities).count > 2, "half is tried before nothing is")
      #expect(capacities.allSatisfy { $0 > 0 })
      withExtendedLifetime(others) {}
    }
  }

  @Test("Of a socket and a device the capacity is not known")
  func others() throws {
    #expect(try Line(.socket).sink().capacity == 0)
    let device = DescriptorSink(
      try CharacterDevice.open("/dev/null", for: .write), name: "pipe=x", patience: .none)
    defer { try? device.close() }
    #expect(device.capacity == 0)
  }
}
