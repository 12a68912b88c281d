import NBDKit
import StreamIO
import SystemPackage

/// What the user asked for on the command line.
struct Parameters: Sendable {
  /// The largest disk that qemu accepts, 2^63 - 2^30 bytes: practically endless.
  static let defaultSize: UInt64 = 0x7FFF_FFFF_C000_0000
  static let defaultReorder: UInt64 = 256 << 20
  static let defaultRewind: UInt64 = 0
  /// Where the stream is read: what programs look at that probe what is on a disk, and more.
  static let defaultReadRewind: UInt64 = 64 << 10

  /// One line a parameter, as `--help` shows them and nbdkit's shell completion reads them.
  static let help = """
    pipe=<FILENAME>      Where the stream goes: a FIFO (made if nothing is there), a UNIX socket,
                         a character device, or - for standard output.
                         This, or one of the next six, is required. "pipe=" may be left out.
    write=<FILENAME>     The same as pipe=.
    write-fd=<NUMBER>    The same, a descriptor that nbdkit was started with.
    write-command=<SHELL>
                         A shell command that reads the stream; size= is required, and the
                         command sees the end of the stream only if the disk is whole.
    read=<FILENAME>      Where the stream comes from: then it is the disk's content, and clients
                         read it. As pipe=, but - is standard input.
    read-fd=<NUMBER>     The same, a descriptor that nbdkit was started with.
    read-command=<SHELL> The same, a shell command that writes the stream.
    size=<SIZE>          The disk's virtual size (default: practically endless).
    reorder=<SIZE>       How many bytes may wait for earlier ones still missing (default: 256M).
    rewind=<SIZE>        How many of the newest bytes can be changed and read (default: 0).
                         With read=, how many can be read again (default: 64K).
    spool=<DIRECTORY>    Keep what waits in a file there (default: in memory).
    pad=<BOOL>           At the end, make up for what is missing to size= with zeroes.
    progress=<BOOL>      Show on standard error how far the stream is.
    report=<FILENAME>    At the end, write there what became of the stream, as JSON.
    """

  /// The parameters whose values messages may show.
  private static let valuesToShow: Set<String> = [
    "pipe", "write", "write-fd", "read", "read-fd", "size", "reorder", "rewind", "spool", "pad",
    "progress", "report",
  ]

  /// The stream's other end: `nil` until given.
  private(set) var target: Target?
  /// Which way the stream goes.
  var direction: Direction { target?.direction ?? .write }
  /// The disk's size in bytes, if given.
  private(set) var size: UInt64?
  /// How many bytes of data may wait for earlier ones.
  private(set) var reorder = Self.defaultReorder
  /// How many of the newest bytes stay changeable, or can be read again.
  var rewind: UInt64 {
    givenRewind ?? (direction == .read ? Self.defaultReadRewind : Self.defaultRewind)
  }
  private var givenRewind: UInt64?
  /// Whether zeroes make up for what the stream lacks to the disk's size.
  private(set) var pad = false
  /// Where what waits is kept, absolute, if not in memory.
  private(set) var spool: String?
  /// Whether to show how far the stream is.
  private(set) var progress = false
  /// Where the report goes, if it is wanted.
  private(set) var report: Report.File?
  /// The parameters given so far, with their values.
  private var given: [String: String] = [:]

  /// Takes one parameter.
  mutating func take(_ key: String, _ value: String) throws(PluginError) {
    do throws(PluginError) {
      guard given.updateValue(value, forKey: key) == nil || key == target?.key else {
        throw PluginError(.invalidArgument, "given twice: give it once")
      }
      switch key {
      case "pipe", "write": try takeTarget(key, value, .write, Target.Place.init(path:for:))
      case "write-fd": try takeTarget(key, value, .write, Target.Place.init(descriptor:for:))
      case "write-command": try takeTarget(key, value, .write, Target.Place.init(command:for:))
      case "read": try takeTarget(key, value, .read, Target.Place.init(path:for:))
      case "read-fd": try takeTarget(key, value, .read, Target.Place.init(descriptor:for:))
      case "read-command": try takeTarget(key, value, .read, Target.Place.init(command:for:))
      case "size": size = try Self.size(value)
      case "reorder": reorder = try Server.parseSize(value)
      case "rewind": givenRewind = try Server.parseSize(value)
      case "spool": spool = try Self.path(value)
      case "pad": pad = try Server.parseBool(value)
      case "progress": progress = try Self.progress(value)
      case "report": report = Report.File(path: try Self.path(value), name: "report=\(value)")
      default:
        throw PluginError(
          .invalidArgument,
          "unknown parameter: this plugin knows pipe, write, write-fd, write-command, read, read-fd, "
            + "read-command, size, reorder, rewind, spool, pad, progress and report"
        )
      }
    } catch {
      // Messages are kept in logs, and the value of a command or of a mistyped key may hold a password.
      let name = Self.valuesToShow.contains(key) ? "\(key)=\(value)" : key
      throw PluginError(error.errno, "\(name): \(error.message)")
    }
  }

  /// Checks that what is required was given.
  func check() throws(PluginError) {
    guard let target else {
      throw PluginError(
        .invalidArgument,
        "pipe: missing: say where the stream goes, as in pipe=FILENAME, or comes from, as in "
          + "read=FILENAME")
    }
    if direction == .read, let reorder = given["reorder"] {
      throw PluginError(
        .invalidArgument,
        "reorder=\(reorder): nothing is written to a disk that comes from \(target.name): leave it "
          + "out")
    }
    if pad {
      if case .command = target.place, direction == .write {
        throw PluginError(
          .invalidArgument, "pad=true: \(target.name) gets a whole disk or none: leave one out")
      }
      if size == nil {
        throw PluginError(.invalidArgument, "pad=true: needs size=, to which zeroes are added")
      }
    }
    if case .command = target.place, direction == .write, size == nil {
      throw PluginError(
        .invalidArgument,
        "\(target.name): needs size=, as only then it is known when the stream is complete")
    }
    if case .path(let path) = target.place, let report,
      FilePath(report.path).lexicallyNormalized() == FilePath(path).lexicallyNormalized()
    {
      throw PluginError(
        .invalidArgument, "\(report.name): the stream's own name: give another one")
    }
  }

  private mutating func takeTarget(
    _ key: String, _ value: String, _ direction: Direction,
    _ place: (String, Direction) throws(PluginError) -> Target.Place
  ) throws(PluginError) {
    if let target {
      throw PluginError(
        .invalidArgument,
        "a second endpoint after \(target.name): the stream has one only")
    }
    target = Target(
      direction: direction, place: try place(value, direction), key: key, value: value)
  }

  static func path(_ value: String) throws(PluginError) -> String {
    guard !value.isEmpty else { throw PluginError(.invalidArgument, "empty: give a file name") }
    return try Server.absolutePath(value)
  }

  /// A size as a parameter takes it, rounded up.
  static func written(_ size: UInt64) -> String {
    let (unit, letter): (UInt64, String) = size < 1 << 20 ? (1 << 10, "k") : (1 << 20, "M")
    return "\((size - 1) / unit + 1)\(letter)"
  }

  /// Where nobody would see it, it is refused.
  private static func progress(_ value: String) throws(PluginError) -> Bool {
    let wanted = try Server.parseBool(value)
    if wanted, CommandLine.ofProcess.map(CommandLine.staysInForeground) == false {
      throw PluginError(
        .invalidArgument, "nbdkit is about to leave its standard error: start it with -f or --run")
    }
    return wanted
  }

  private static func size(_ value: String) throws(PluginError) -> UInt64 {
    let size = try Server.parseSize(value)
    guard size > 0 else {
      throw PluginError(.invalidArgument, "a disk of no bytes: give its size, as in size=10G")
    }
    return size
  }
}
