internal import Glibc
internal import Synchronization

/// Where two disks differ first. qemu-img tells the sector; what it holds on both sides tells the byte.
final class Difference: Sendable {
  private let byte = Mutex<UInt64?>(nil)

  /// The sector of which `qemu-img compare` says that it differs.
  static func sector(_ output: String) -> UInt64? {
    output.firstMatch(of: /mismatch at offset (\d+)/).flatMap { UInt64($0.1) }
  }

  /// Reads 512 bytes of both sides; leaves the byte unknown where that can't be done.
  func find(_ sector: UInt64, _ image: Image, _ workspace: Workspace) async {
    func read(_ location: String, _ format: String, _ name: String) async -> [UInt8]? {
      let file = workspace.file(name)
      let answer = try? await Child.ask([
        "qemu-img", "dd", "-f", format, "-O", "raw", "bs=512", "skip=\(sector / 512)", "count=1",
        "if=\(location)", "of=\(file)",
      ])
      guard answer?.ended.isSuccess == true else { return nil }
      return try? contents(of: file)
    }
    guard let one = await read(workspace.uri, "raw", "one"),
      let other = await read(image.location, image.format, "other"),
      let at = zip(one, other).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset
    else { return }
    byte.withLock { $0 = sector + UInt64(at) }
  }

  func text(_ output: String) -> String? {
    if let byte = byte.withLock({ $0 }) { return "offset \(byte)" }
    return Self.sector(output).map { "a byte of the 512 at offset \($0)" }
  }
}
