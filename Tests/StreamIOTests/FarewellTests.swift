import CLinux
import Glibc
import TestSupport
import Testing

/// In processes of their own: the handlers are one for a process.
@Suite("The first signal to a server", .timeLimit(.minutes(10)))
struct FarewellTests {
  /// A connection, its server's side watched.
  private static func connection() throws -> (server: Int32, client: Int32, place: Int32) {
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    return (ends[0], ends[1], clinux_watch_client(ends[0]))
  }

  @Test("is held back while a client that has left is still to be heard, and no longer")
  func heldBack() async {
    await #expect(processExitsWith: .success) {
      letSignalsIn()
      signal(SIGTERM) { _ in _exit(isHeard ? EXIT_SUCCESS : 2) }
      _ = clinux_watch_termination(0)
      let (server, client, place) = try Self.connection()
      close(client)
      // What the server's own thread does, while the handler holds up another.
      var thread = pthread_t()
      heard = (server, place)
      pthread_create(
        &thread, nil,
        { _ in
          usleep(100_000)
          if clinux_was_terminated() == 1 { _exit(3) }
          isHeard = true
          clinux_forget_client(heard.place)
          close(heard.server)
          return nil
        }, nil)
      raise(SIGTERM)
      _exit(4)
    }
  }

  @Test("is not held back for ever, nor is a second one that comes meanwhile lost")
  func limit() async {
    await #expect(processExitsWith: .success) {
      letSignalsIn()
      for number in [SIGTERM, SIGINT] {
        signal(number) { _ in _exit(EXIT_SUCCESS) }
      }
      _ = clinux_watch_termination(0)
      close(try Self.connection().client)
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { _ in
          usleep(50_000)
          kill(getpid(), SIGINT)
          return nil
        }, nil)
      raise(SIGTERM)
      _exit(4)
    }
  }

  @Test("is heard by the server before a request that waits sees it")
  func order() async {
    await #expect(processExitsWith: .success) {
      letSignalsIn()
      signal(SIGTERM) { _ in
        usleep(50_000)
        isHeard = true
      }
      _ = clinux_watch_termination(0)
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { _ in
          raise(SIGTERM)
          return nil
        }, nil)
      while clinux_was_terminated() == 0 { usleep(100) }
      _exit(isHeard ? EXIT_SUCCESS : 2)
    }
  }

  @Test("waits for the client that asks at that moment, and lets no later one in")
  func asking() async {
    await #expect(processExitsWith: .success) {
      letSignalsIn()
      signal(SIGTERM) { _ in isHeard = true }
      _ = clinux_watch_termination(0)
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { _ in
          usleep(20_000)
          kill(getpid(), SIGTERM)
          return nil
        }, nil)
      let answer = clinux_ask_server {
        usleep(100_000)
        if isHeard { _exit(2) }
        return 1
      }
      if answer != 0 || !isHeard { _exit(3) }
      _exit(clinux_ask_server { _exit(4) })
    }
  }

  @Test("does not wait for a client that stays, whatever it sent")
  func staying() async {
    await #expect(processExitsWith: .success) {
      let (server, client, place) = try Self.connection()
      write(client, "request", 7)
      clinux_await_farewells(1_000_000_000)
      close(client)
      clinux_forget_client(place)
      clinux_await_farewells(1_000_000_000)
      close(server)
    }
  }

  @Test("waits for as many clients as there is room for, and takes new ones when some have gone")
  func room() async {
    await #expect(processExitsWith: .success) {
      var places: [Int32] = []
      while case let place = clinux_watch_client(0), place >= 0 { places.append(place) }
      try #require(places.count > 15)
      clinux_forget_client(places[3])
      #expect(clinux_watch_client(0) == places[3])
      clinux_forget_client(-1)
    }
  }
}

/// For a thread, whose body captures nothing.
nonisolated(unsafe) private var heard: (server: Int32, place: Int32) = (-1, -1)
nonisolated(unsafe) private var isHeard = false
