import CFakeNBDKit
import NBDKit
import NBDKitTestKit
import StreamIO
import SystemPackage
import TestSupport
import Testing

@testable import StreamingPlugin

@Suite("Parameters", .exclusiveServer)
struct ParametersTests {
  init() { fake_set_directory("/home/user") }

  @Test(
    "A path is the endpoint, made absolute, and keeps its name for messages",
    arguments: ["pipe", "write"],
    [("out", "/home/user/out"), ("/tmp/out", "/tmp/out"), ("./-", "/home/user/./-")])
  func path(key: String, value: (given: String, absolute: String)) throws {
    var parameters = Parameters()
    try parameters.take(key, value.given)
    try parameters.check()
    guard case .path(value.absolute) = parameters.endpoint?.kind else {
      Issue.record("not taken: \(String(describing: parameters.endpoint))")
      return
    }
    #expect(parameters.endpoint?.direction == .write)
    #expect(parameters.endpoint?.name == "\(key)=\(value.given)")
  }

  @Test("- is standard output, where that is a stream")
  func standardOutput() async {
    await #expect(processExitsWith: .success) {
      let pipe = try FileDescriptor.pipe()
      try #require(try pipe.writeEnd.duplicate(as: .standardOutput) == .standardOutput)
      var parameters = Parameters()
      try parameters.take("pipe", "-")
      guard case .descriptor = parameters.endpoint?.kind else { throw Errno.invalidArgument }
      #expect(parameters.endpoint?.name == "pipe=-")
    }
  }

  @Test("read= is where the stream comes from, and more of it can be read again")
  func read() throws {
    var parameters = Parameters()
    #expect(parameters.rewind == 0)
    try parameters.take("read", "in")
    try parameters.check()
    guard case .path("/home/user/in") = parameters.endpoint?.kind else {
      Issue.record("not taken: \(String(describing: parameters.endpoint))")
      return
    }
    #expect(parameters.direction == .read)
    #expect(parameters.rewind == 64 << 10)
    try parameters.take("rewind", "0")
    #expect(parameters.rewind == 0)
  }

  @Test("A window for writes is refused where nothing can be written")
  func reorderOfRead() throws {
    var parameters = Parameters()
    try parameters.take("reorder", "1M")
    try parameters.take("read", "in")
    #expect(
      throws: PluginError(
        .invalidArgument,
        "reorder=1M: nothing is written to a disk that comes from read=in: leave it out")
    ) { try parameters.check() }
  }

  @Test("write-fd is a descriptor that is open already")
  func descriptor() throws {
    let pipe = try FileDescriptor.pipe()
    defer {
      try? pipe.readEnd.close()
      try? pipe.writeEnd.close()
    }
    let number = pipe.writeEnd.rawValue
    var parameters = Parameters()
    try parameters.take("write-fd", "\(number)")
    guard case .descriptor = parameters.endpoint?.kind else {
      Issue.record("not taken: \(String(describing: parameters.endpoint))")
      return
    }
    #expect(parameters.endpoint?.name == "write-fd=\(number)")
  }

  @Test("A descriptor that goes the other way is refused with its number")
  func wrongWay() throws {
    let pipe = try FileDescriptor.pipe()
    defer {
      try? pipe.readEnd.close()
      try? pipe.writeEnd.close()
    }
    let number = pipe.readEnd.rawValue
    var parameters = Parameters()
    #expect(
      throws: PluginError(
        .badFileDescriptor,
        "write-fd=\(number): descriptor \(number) is open for reading only")
    ) { try parameters.take("write-fd", "\(number)") }
  }

  @Test(
    "What is not a descriptor's number is refused",
    arguments: ["", "seven", "-1", "7.0", " 7", "2147483648", "99999999999999999999"])
  func noNumber(value: String) {
    var parameters = Parameters()
    #expect(
      throws: PluginError(
        .invalidArgument,
        "write-fd=\(value): '\(value)' is not a descriptor's number: give that of one that is "
          + "open when nbdkit starts")
    ) { try parameters.take("write-fd", value) }
  }

  @Test("Standard error is refused as an endpoint")
  func standardError() {
    var parameters = Parameters()
    #expect(
      throws: PluginError(
        .invalidArgument,
        "write-fd=2: descriptor 2 is where nbdkit's own messages go: give another one")
    ) { try parameters.take("write-fd", "2") }
  }

  @Test("Descriptors 0 and 1 are refused where they are the client's", arguments: ["0", "1"])
  func descriptorOfClient(value: String) {
    fake_set_stdio_safe(0)
    var parameters = Parameters()
    #expect(
      throws: PluginError(
        .invalidArgument,
        "write-fd=\(value): descriptor \(value) is used for the client with -s: "
          + "give another endpoint")
    ) { try parameters.take("write-fd", value) }
  }

  @Test("- is refused where standard output is a file")
  func standardOutputToFile() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let file = try FileDescriptor.open(FilePath(try directory.file("out")), .writeOnly)
      _ = try file.duplicate(as: .standardOutput)
      var parameters = Parameters()
      let error = #expect(throws: PluginError.self) { try parameters.take("pipe", "-") }
      #expect(error?.message.hasPrefix("pipe=-: standard output is a regular file: ") == true)
    }
  }

  @Test("- is refused where standard output is the client's")
  func standardOutputOfClient() {
    fake_set_stdio_safe(0)
    var parameters = Parameters()
    #expect(
      throws: PluginError(
        .invalidArgument,
        "pipe=-: standard output is used for the client with -s: give another endpoint")
    ) { try parameters.take("pipe", "-") }
  }

  @Test(
    "A size is what nbdkit takes for one, and at least a byte",
    arguments: [
      ("1", 1), ("512", 512), ("10G", 10 << 30), ("1s", 512),
      ("9223372036854775807", UInt64(Int64.max)),
    ] as [(String, UInt64)])
  func size(value: String, bytes: UInt64) throws {
    var parameters = Parameters()
    try parameters.take("size", value)
    #expect(parameters.size == bytes)
  }

  @Test(
    "What is not a size is refused with its name",
    arguments: ["", "abc", "-1", "1Q", "1.5G", "9223372036854775808", "8E"])
  func noSize(value: String) {
    var parameters = Parameters()
    #expect(
      throws: PluginError(
        .invalidArgument,
        "size=\(value): '\(value)' is not a size: give bytes, or a number with k, M, G or T")
    ) { try parameters.take("size", value) }
    #expect(parameters.size == nil)
  }

  @Test("A disk of no bytes is refused")
  func emptyDisk() {
    var parameters = Parameters()
    #expect(
      throws: PluginError(
        .invalidArgument, "size=0: a disk of no bytes: give its size, as in size=10G")
    ) { try parameters.take("size", "0") }
  }

  @Test("A report's path is made absolute")
  func report() throws {
    var parameters = Parameters()
    try parameters.take("report", "report.json")
    #expect(parameters.report?.path == "/home/user/report.json")
    #expect(parameters.report?.name == "report=report.json")
  }

  @Test("A path that is empty is refused", arguments: ["pipe", "write", "report"])
  func empty(key: String) {
    var parameters = Parameters()
    #expect(throws: PluginError(.invalidArgument, "\(key)=: empty: give a file name")) {
      try parameters.take(key, "")
    }
  }

  @Test(
    "A second endpoint is refused, whatever it is",
    arguments: ["pipe", "write", "write-fd", "read", "read-fd"])
  func secondEndpoint(key: String) throws {
    for value in ["second", "first", "-"] {
      var parameters = Parameters()
      try parameters.take("pipe", "first")
      #expect(
        throws: PluginError(
          .invalidArgument,
          "\(key)=\(value): a second endpoint after pipe=first: a stream has only one")
      ) { try parameters.take(key, value) }
      #expect(parameters.endpoint?.name == "pipe=first")
    }
  }

  @Test("Given twice, it is refused, as one of the two would be ignored")
  func twice() throws {
    for (key, value) in [("size", "1G"), ("report", "report.json")] {
      var parameters = Parameters()
      try parameters.take(key, value)
      #expect(throws: PluginError(.invalidArgument, "\(key)=\(value): given twice: give it once")) {
        try parameters.take(key, value)
      }
    }
  }

  @Test("A report where the stream goes is refused")
  func reportIntoTheStream() throws {
    var parameters = Parameters()
    try parameters.take("report", "./out")
    try parameters.take("pipe", "./out")
    #expect(
      throws: PluginError(
        .invalidArgument, "report=./out: that is the stream's own name: give another one")
    ) { try parameters.check() }
  }

  @Test("No endpoint is refused")
  func noEndpoint() throws {
    var parameters = Parameters()
    try parameters.take("size", "1G")
    #expect(
      throws: PluginError(
        .invalidArgument,
        "pipe: missing: say where the stream goes, as in pipe=FILENAME, or comes from, as in "
          + "read=FILENAME")
    ) { try parameters.check() }
  }

  @Test("An unknown one is refused with those that are known", arguments: ["pip", "PIPE", "x y"])
  func unknown(key: String) {
    var parameters = Parameters()
    #expect(
      throws: PluginError(
        .invalidArgument,
        "\(key): unknown parameter: this plugin knows pipe, write, write-fd, write-command, "
          + "read, read-fd, read-command, size, reorder, rewind, decompress, spool, pad, format, "
          + "compress, compress-level, compress-threads, digest, disk-digest, progress and report")
    ) { try parameters.take(key, "1") }
  }

  @Test(
    "A command is called by its key alone, as its text may hold a password",
    arguments: ["write-command", "read-command"])
  func command(key: String) throws {
    var parameters = Parameters()
    try parameters.take(key, "curl -u bob:secret")
    #expect(parameters.endpoint?.name == key)
    #expect(
      throws: PluginError(
        .invalidArgument, "\(key): a second endpoint after \(key): a stream has only one")
    ) { try parameters.take(key, "curl -u bob:secret") }
  }

  @Test("The value of an unknown one is not shown either: the key may have been mistyped")
  func unknownValue() {
    var parameters = Parameters()
    let error = #expect(throws: PluginError.self) {
      try parameters.take("write-comand", "curl -u bob:secret")
    }
    #expect(error?.message.contains("secret") == false)
  }

  @Test(
    "All that are known are in the help, at the start of a line",
    arguments: [
      "pipe", "write", "write-fd", "write-command", "read", "read-fd", "read-command", "size",
      "reorder", "rewind",
      "spool",
      "report",
    ])
  func help(key: String) {
    #expect(Parameters.help.split(separator: "\n").contains { $0.hasPrefix("\(key)=<") })
  }
}
