import Glibc
import StreamIO
import TestSupport
import Testing

/// In processes of their own: the handlers are one for a process.
@Suite("SIGTERM and SIGINT are counted from when they are caught")
struct TerminationSignalsTests {
  @Test("Each of them shows, and ends nothing")
  func caught() async {
    await #expect(processExitsWith: .success) {
      letSignalsIn()
      for number in [SIGTERM, SIGINT] {
        TerminationSignals.catch(except: nil)
        #expect(!TerminationSignals.wereSent)
        raise(number)
        #expect(TerminationSignals.wereSent)
      }
    }
  }

  @Test("One that came before does not count")
  func before() async {
    await #expect(processExitsWith: .success) {
      letSignalsIn()
      signal(SIGTERM) { _ in }
      raise(SIGTERM)
      TerminationSignals.catch(except: nil)
      #expect(!TerminationSignals.wereSent)
      raise(SIGTERM)
      TerminationSignals.catch(except: nil)
      #expect(!TerminationSignals.wereSent, "catching again starts again")
    }
  }

  @Test("Those of an excused process don't")
  func excused() async {
    await #expect(processExitsWith: .success) {
      letSignalsIn()
      TerminationSignals.catch(except: getpid())
      raise(SIGTERM)
      #expect(!TerminationSignals.wereSent)
    }
  }

  @Test("Until then they do what they did")
  func untouched() async {
    await #expect(processExitsWith: .signal(SIGTERM)) {
      letSignalsIn()
      _ = TerminationSignals.wereSent
      raise(SIGTERM)
    }
  }
}
