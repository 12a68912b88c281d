internal import Glibc
internal import Synchronization

/// Where two disks first differ. qemu-img reports the sector; its contents on both sides tell the
/// byte.
final class Difference: Sendable {
  private let byte = Mutex<UInt64?>(nil)

  /// The sector of which `qemu-img compare` says that it differs.
  static func sector(_ output: String) -> UInt64? {
    output.firstMatch(of: /mismatch at offset (\d+)/).flatMap { UInt64($0.1) }
  }

  /// Reads 512 bytes of both sides; leaves the byte unknown if that can't be done.
  func find(_ sector: UInt64, _ image: Image, _ workspace: Workspace) async {
    func read(_ location: String, _ format: String) async -> [UInt8]? {
      let command = ["qemu-io", "-r", "-f", format, "-c", "read -v \(sector) 512", location]
      guard let answer = try? await Child.ask(command), answer.ended.isSuccess else { return nil }
      return Self.bytes(String(decoding: answer.output, as: UTF8.self))
    }
    guard let one = await read(workspace.uri, "raw"),
      let other = await read(image.location, image.format),
      let at = zip(one, other).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset
    else { return }
    byte.withLock { $0 = sector + UInt64(at) }
  }

  /// The bytes of a dump: an offset, a colon, 16 bytes in hexadecimal and as text.
  static func bytes(_ dump: String) -> [UInt8] {
    dump.split(separator: "\n").flatMap { line -> [UInt8] in
      guard let match = line.prefixMatch(of: /[0-9a-f]+: +((?:[0-9a-f]{2} ){1,16})/) else {
        return []
      }
      return match.1.split(separator: " ").compactMap { UInt8($0, radix: 16) }
    }
  }

  func text(_ output: String) -> String? {
    if let byte = byte.withLock({ $0 }) { return "offset \(byte)" }
    return Self.sector(output).map { "a byte of the 512 at offset \($0)" }
  }
}
