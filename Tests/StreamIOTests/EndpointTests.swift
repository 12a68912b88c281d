import Glibc
import StreamCore
import StreamIO
import SystemPackage
import TestSupport
import Testing

@Suite("What is at the path decides whether it can be an endpoint")
struct EndpointTests {
  /// Something to stand at a path, and what is to be decided.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let expected: Expectation
    /// Makes it and returns its path.
    let make: @Sendable (TemporaryDirectory) throws -> String

    init(
      _ description: String, _ expected: Expectation,
      _ make: @escaping @Sendable (TemporaryDirectory) throws -> String
    ) {
      testDescription = description
      self.expected = expected
      self.make = make
    }
  }

  enum Expectation: Sendable {
    case used(as: Endpoint)
    case refused(Errno, saying: String)
  }

  @Test(arguments: [
    Case("nothing", .used(as: .absent)) { $0.path("out") },
    Case("a FIFO", .used(as: .fifo)) { try $0.fifo("out") },
    Case("a socket", .used(as: .socket)) { try $0.socket("out") },
    Case("a character device", .used(as: .characterDevice)) { _ in "/dev/null" },
    Case("a link to a FIFO", .used(as: .fifo)) {
      try $0.link("out", to: $0.fifo("fifo"))
    },
    Case("a link to a link to a FIFO", .used(as: .fifo)) {
      try $0.link("out", to: $0.link("middle", to: $0.fifo("fifo")))
    },
    Case(
      "a regular file", .refused(.invalidArgument, saying: "is a regular file, which would be")
    ) { try $0.file("out") },
    Case("a link to a regular file", .refused(.invalidArgument, saying: "is a regular file")) {
      try $0.link("out", to: $0.file("file"))
    },
    Case("a directory", .refused(.invalidArgument, saying: "is a directory: give a FIFO")) {
      $0.path
    },
    Case(
      "a dangling link",
      .refused(.noSuchFileOrDirectory, saying: "is a symbolic link to something that does not")
    ) { try $0.link("out", to: "missing") },
    Case("a link to itself", .refused(.tooManySymbolicLinkLevels, saying: "symbolic links")) {
      try $0.link("out", to: "out")
    },
    Case(
      "a name in a missing directory",
      .refused(.noSuchFileOrDirectory, saying: "/missing' does not exist")
    ) { $0.path("missing/out") },
    Case("a name under a file", .refused(.notDirectory, saying: "Not a directory")) {
      try $0.file("file") + "/out"
    },
    Case("a name that is too long", .refused(.fileNameTooLong, saying: "too long")) {
      $0.path(String(repeating: "n", count: 256))
    },
    Case(
      "a path that is too long",
      .refused(.fileNameTooLong, saying: "the path has 4096 bytes: at most 4095 can be used")
    ) { _ in String(repeating: "/n", count: 2048) },
  ])
  func decides(_ subject: Case) throws {
    let directory = try TemporaryDirectory()
    let path = try subject.make(directory)
    let before = try directory.entries
    switch subject.expected {
    case .used(let endpoint):
      #expect(try Endpoint(at: path, for: .write) == endpoint)
    case .refused(let errno, let message):
      let failure = #expect(throws: Failure.self) { try Endpoint(at: path, for: .write) }
      #expect(failure?.number == errno)
      #expect(failure?.reason.contains(message) == true, "\(failure?.reason ?? "")")
    }
    #expect(try directory.entries == before, "looking changes nothing")
  }

  @Test("What is refused because it would be overwritten points to the plugin for it")
  func pointer() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("disk.img", "precious")
    let failure = #expect(throws: Failure.self) { try Endpoint(at: file, for: .write) }
    #expect(failure?.reason.contains("nbdkit-file-plugin(1)") == true)
    #expect(try directory.text(of: "disk.img") == "precious")
  }

  @Test("What would only be read is not said to be overwritten")
  func reading() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("disk.img")
    let failure = #expect(throws: Failure.self) { try Endpoint(at: file, for: .read) }
    #expect(failure?.reason.hasPrefix("is a regular file: give a FIFO") == true)
    #expect(try Endpoint(at: directory.fifo("in"), for: .read) == .fifo)
  }

  @Test(
    "A block device is refused",
    .enabled(if: geteuid() == 0, "needs root to make a block device"))
  func blockDevice() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("disk")
    // Of no driver: it can be looked at and not opened.
    try #require(mknod(path, S_IFBLK | 0o600, 0) == 0)
    let failure = #expect(throws: Failure.self) { try Endpoint(at: path, for: .write) }
    #expect(failure?.number == .invalidArgument)
    #expect(failure?.reason.hasPrefix("is a block device, which would be overwritten") == true)
  }
}
