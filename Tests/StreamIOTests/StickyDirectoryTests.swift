import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

/// The rule of Linux's `protected_fifos`.
@Suite(
  "Where anybody can make a FIFO, a stranger's is not trusted",
  .enabled(if: geteuid() == 0, "needs root to give files away"))
struct StickyDirectoryTests {
  private static let us: uid_t = 0
  private static let host: uid_t = 54_321
  private static let stranger: uid_t = 54_322

  struct Case: Sendable {
    let mode: mode_t
    let directoryOwner: uid_t
    let owner: uid_t
    let isTrusted: Bool
  }

  @Test(arguments: [
    Case(mode: 0o1777, directoryOwner: us, owner: us, isTrusted: true),
    Case(mode: 0o1777, directoryOwner: host, owner: us, isTrusted: true),
    Case(mode: 0o1777, directoryOwner: host, owner: host, isTrusted: true),
    Case(mode: 0o1777, directoryOwner: us, owner: stranger, isTrusted: false),
    Case(mode: 0o1777, directoryOwner: host, owner: stranger, isTrusted: false),
    // Only a directory that is both is like /tmp.
    Case(mode: 0o0777, directoryOwner: us, owner: stranger, isTrusted: true),
    Case(mode: 0o1775, directoryOwner: us, owner: stranger, isTrusted: true),
    Case(mode: 0o0755, directoryOwner: us, owner: stranger, isTrusted: true),
  ])
  func trusts(_ subject: Case) throws {
    let directory = try TemporaryDirectory()
    for path in [try directory.fifo("fifo"), try directory.socket("socket")] {
      try #require(chown(path, subject.owner, 0) == 0)
      try #require(chown(directory.path, subject.directoryOwner, 0) == 0)
      try #require(chmod(directory.path, subject.mode) == 0)
      if subject.isTrusted {
        #expect(throws: Never.self) { try Endpoint(at: path, for: .write) }
      } else {
        let failure = #expect(throws: Failure.self) { try Endpoint(at: path, for: .write) }
        #expect(failure?.number == .permissionDenied)
        #expect(failure?.reason.hasPrefix("belongs to user \(Self.stranger)") == true)
      }
    }
  }

  @Test("Nor is one that a stranger put there just before it was to be made")
  func race() throws {
    let directory = try TemporaryDirectory()
    try #require(chmod(directory.path, 0o1777) == 0)
    let path = directory.path("out")
    #expect(try Endpoint(at: path, for: .write) == .absent)
    try #require(chown(try directory.fifo("out"), Self.stranger, 0) == 0)
    let failure = #expect(throws: Failure.self) { try NamedPipe(path: path, for: .write) }
    #expect(failure?.number == .permissionDenied)
  }

  @Test("A link elsewhere makes it no better")
  func link() throws {
    let directory = try TemporaryDirectory()
    let elsewhere = try TemporaryDirectory()
    try #require(chown(try directory.fifo("out"), Self.stranger, 0) == 0)
    try #require(chmod(directory.path, 0o1777) == 0)
    let link = try elsewhere.link("out", to: directory.path("out"))
    let failure = #expect(throws: Failure.self) { try Endpoint(at: link, for: .write) }
    #expect(failure?.number == .permissionDenied)
  }

  @Test(
    "A stranger's link is not followed, wherever it leads", arguments: ["fifo", "socket", "null"])
  func strangersLink(kind: String) throws {
    let directory = try TemporaryDirectory()
    let elsewhere = try TemporaryDirectory()
    let target =
      switch kind {
      case "fifo": try elsewhere.fifo("out")
      case "socket": try elsewhere.socket("out")
      default: "/dev/null"
      }
    let link = try directory.link("link", to: target)
    try #require(lchown(link, Self.stranger, 0) == 0)
    try #require(chmod(directory.path, 0o1777) == 0)
    let failure = #expect(throws: Failure.self) { try Endpoint(at: link, for: .write) }
    #expect(failure?.number == .permissionDenied)
    #expect(failure?.reason.contains("symbolic link 'link'") == true)
    #expect(throws: Failure.self) { try NamedPipe(path: link, for: .write) }
    #expect(throws: Failure.self) { try UnixSocket.connect(to: link).descriptor.close() }
    #expect(throws: Failure.self) { try CharacterDevice.open(link, for: .write) }
    // Our own is.
    try #require(lchown(link, Self.us, 0) == 0)
    #expect(throws: Never.self) { try Endpoint(at: link, for: .write) }
  }

  @Test("Nor a directory's link on the way")
  func directoryLink() throws {
    let directory = try TemporaryDirectory()
    let elsewhere = try TemporaryDirectory()
    try elsewhere.fifo("out")
    let link = try directory.link("link", to: elsewhere.path)
    try #require(lchown(link, Self.stranger, 0) == 0)
    try #require(chmod(directory.path, 0o1777) == 0)
    let failure = #expect(throws: Failure.self) { try Endpoint(at: link + "/out", for: .write) }
    #expect(failure?.number == .permissionDenied)
  }

  @Test("What was put there between the check and the use is refused")
  func exchanged() throws {
    let directory = try TemporaryDirectory()
    try #require(chmod(directory.path, 0o1777) == 0)
    let path = try directory.fifo("out")
    var pipe = try NamedPipe(path: path, for: .write)
    try #require(rename(path, directory.path("away")) == 0)
    try #require(chown(try directory.fifo("out"), Self.stranger, 0) == 0)
    #expect(throws: Failure.self) { try pipe.open() }
    #expect(throws: Failure.self) { try UnixSocket.connect(to: path) }
    #expect(throws: Failure.self) { try CharacterDevice.open(path, for: .write) }
  }

  @Test("A device is anybody's")
  func device() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("null")
    try #require(mknod(path, S_IFCHR | 0o666, 0x103) == 0)
    try #require(chown(path, Self.stranger, 0) == 0)
    try #require(chmod(directory.path, 0o1777) == 0)
    #expect(try Endpoint(at: path, for: .write) == .characterDevice)
  }
}
