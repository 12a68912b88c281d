import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite(
  "What can't be used is refused before anything starts",
  .enabled(if: geteuid() == 0, "needs root to become somebody else"))
struct PermissionTests {
  @Test("A FIFO has to be readable too, as it is opened for that first")
  func fifo() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try #require(chmod(directory.path, 0o755) == 0)
      let path = try directory.fifo("out")
      for mode: mode_t in [0o600, 0o622, 0o644] {
        try #require(chmod(path, mode) == 0)
        let failure = #expect(throws: Failure.self) {
          try asStranger { try Endpoint(at: path, for: .write) }
        }
        #expect(failure?.number == .permissionDenied)
        #expect(failure?.reason.hasSuffix("read and write permission is needed") == true)
      }
      try #require(chmod(path, 0o666) == 0)
      #expect(try asStranger { try Endpoint(at: path, for: .write) } == .fifo)
    }
  }

  @Test("A device has to be writable")
  func device() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try #require(chmod(directory.path, 0o755) == 0)
      let path = directory.path("null")
      try #require(mknod(path, S_IFCHR | 0o600, 0x103) == 0)
      let failure = #expect(throws: Failure.self) {
        try asStranger { try Endpoint(at: path, for: .write) }
      }
      #expect(failure?.number == .permissionDenied)
      try #require(chmod(path, 0o622) == 0)
      #expect(try asStranger { try Endpoint(at: path, for: .write) } == .characterDevice)
    }
  }

  @Test("A directory that takes no new FIFO, and one that can't be looked into")
  func directory() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try #require(chmod(directory.path, 0o755) == 0)
      let path = directory.path("out")
      let failure = #expect(throws: Failure.self) {
        try asStranger { try Endpoint(at: path, for: .write) }
      }
      #expect(failure?.number == .permissionDenied)
      #expect(failure?.reason.hasPrefix("no FIFO can be made in '\(directory.path)'") == true)

      try #require(chmod(directory.path, 0o700) == 0)
      #expect(throws: Failure(.permissionDenied, "Permission denied")) {
        try asStranger { try Endpoint(at: path, for: .write) }
      }
    }
  }

  @Test("A directory that takes no new file")
  func file() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try #require(chmod(directory.path, 0o755) == 0)
      let failure = #expect(throws: Failure.self) {
        try asStranger { try AtomicFile.check(directory.path("report"), replacing: "") }
      }
      #expect(failure?.number == .permissionDenied)
    }
  }
}
