import CFakeNBDKit
import Dispatch
import NBDKitTestKit
import TestSupport
import Testing

@Suite("A client is accepted or refused at once", .exclusiveServer, .timeLimit(.minutes(10)))
struct SecondClientTests {
  @Test("A request of another client that waits for a reader delays neither its start nor its end")
  func whileARequestWaits() throws {
    let served = try Served()
    let server = served.server
    let first = try server.open()
    let waits = DispatchSemaphore(value: 0)
    let ended = DispatchSemaphore(value: 0)
    DispatchQueue(label: "first").async {
      waits.signal()
      try? first.write(pattern(8192), at: 0)
      ended.signal()
    }
    waits.wait()

    let cameAndWent = DispatchSemaphore(value: 0)
    DispatchQueue(label: "second").async {
      for _ in 1...100 { try? server.open().close() }
      cameAndWent.signal()
    }
    #expect(cameAndWent.wait(timeout: .now() + .seconds(100)) == .success)
    fake_set_stopping(1)
    ended.wait()
  }
}
