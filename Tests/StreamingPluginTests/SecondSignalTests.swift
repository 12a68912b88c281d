import CFakeNBDKit
import Dispatch
import Glibc
import NBDKitTestKit
import SystemPackage
import TestSupport
import Testing

@testable import StreamingPlugin

/// In processes of their own, as the handlers are one for a process.
@Suite("A signal at the end ends the wait for a reader", .timeLimit(.minutes(10)))
struct SecondSignalTests {
  @Test("SIGTERM, and what is left is named")
  func drain() async {
    await #expect(processExitsWith: .success) {
      letSignalsIn()
      let served = try Served()
      let client = try served.server.open()
      let reading = try served.idleReader()
      try client.write(pattern(50_000), at: 0)
      client.close()
      let waiting = pthread_self()
      DispatchQueue(label: "impatient").async {
        // Until the plugin looks at signals itself: before, this one would be the end.
        var action = sigaction()
        repeat {
          usleep(1000)
          sigaction(SIGTERM, nil, &action)
        } while action.__sigaction_handler.sa_handler == nil
        pthread_kill(waiting, SIGTERM)
      }
      #expect(try served.report().error == "ended by a signal with 50000 bytes left unread")
      #expect(
        FakeServer.errors.last == "the stream has failed: 0 bytes were delivered: "
          + "ended by a signal with 50000 bytes left unread")
      try reading.close()
    }
  }
}
