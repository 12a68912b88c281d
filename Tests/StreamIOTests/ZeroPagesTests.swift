import CRefusal
import Glibc
import StreamCore
import StreamIO
import TestSupport
import Testing

@Suite("Zeroes go into a pipe by reference where that is allowed", .timeLimit(.minutes(10)))
struct ZeroPagesTests {
  @Test("Not copied, each takes a page of the pipe, however small it is")
  func byReference() throws {
    let line = try Line(.pipe)
    var sink = try line.sink(.none)
    #expect(fill(&sink) == sink.capacity / Int(getpagesize()))
  }

  /// In a process of its own, which stays without the system call.
  @Test("Refused, they are copied from then on, and all arrive")
  func copied() async {
    await #expect(processExitsWith: .success) {
      for error in [ENOSYS, EPERM, EINVAL] {
        try #require(refuse_vmsplice(error) == 0)
        let full = try Line(.pipe)
        var copying = try full.sink(.none)
        #expect(ZeroPagesTests().fill(&copying) == copying.capacity)

        let line = try Line(.pipe)
        var sink = try line.sink()
        let reader = try line.reader()
        var position: UInt64 = 0
        try sink.sendZeroes(3_000_001, advancing: &position)
        try line.close(sink)
        #expect(position == 3_000_001)
        expectSame(try reader.bytes(), [UInt8](repeating: 0, count: 3_000_001))
      }
    }
  }

  /// Sends single zeroes until the pipe is full, and returns how many that were.
  private func fill(_ sink: inout DescriptorSink) -> Int {
    var position: UInt64 = 0
    #expect(throws: TransferError.interrupted) {
      while true { try sink.sendZeroes(1, advancing: &position) }
    }
    return Int(position)
  }
}
