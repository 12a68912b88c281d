internal import Glibc
internal import SystemPackage

/// A directory for the socket and for what programs leave, and everything else to be removed at the
/// end.
final class Workspace: Sendable {
  let path: String

  init() throws(Failure) {
    Interruption.shared.mustCleanUp()
    let given = getenv("TMPDIR").map { String(cString: $0) } ?? ""
    // A socket's path has room for 107 bytes.
    let directory = given.isEmpty || given.utf8.count > 70 || !given.hasPrefix("/") ? "/tmp" : given
    var template = Array("\(directory)/stream-disk.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure("no directory can be made in \(directory) (TMPDIR)", Errno(rawValue: errno))
    }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  var socket: String { "\(path)/socket" }
  var pidFile: String { "\(path)/pid" }
  var report: String { "\(path)/report" }
  var uri: String { "nbd+unix:///?socket=\(Self.escaped(socket))" }

  /// The path as a part of a URI's query.
  static func escaped(_ path: String) -> String {
    path.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
        UInt8(ascii: "-"), UInt8(ascii: "_"):
        String(UnicodeScalar(byte))
      default:
        "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func remove() {
    guard let directory = opendir(path) else { return }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { unlink("\(path)/\(name)") }
    }
    closedir(directory)
    rmdir(path)
  }
}
