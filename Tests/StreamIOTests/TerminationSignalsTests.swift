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

  @Test("Held back, they end nothing until they are let come")
  func held() async {
    await #expect(processExitsWith: .signal(SIGTERM)) {
      letSignalsIn()
      TerminationSignals.hold()
      raise(SIGTERM)
      TerminationSignals.release()
      exit(EXIT_FAILURE)
    }
  }

  @Test("Held back, they come to a handler that was set meanwhile, and from then on as before")
  func handled() async {
    await #expect(processExitsWith: .success) {
      letSignalsIn()
      TerminationSignals.hold()
      raise(SIGTERM)
      TerminationSignals.catch(except: nil)
      #expect(!TerminationSignals.wereSent)
      TerminationSignals.release()
      #expect(TerminationSignals.wereSent)
      TerminationSignals.catch(except: nil)
      raise(SIGINT)
      #expect(TerminationSignals.wereSent)
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
