import NBDKit

/// The function that nbdkit looks up.
@c(plugin_init)
public func pluginInit() -> UnsafeMutableRawPointer { HelloPlugin.register() }

final class HelloPlugin: Plugin {
  static let name = "hello"
  static let threadModel = ThreadModel<HelloPlugin>.serializeAllRequests

  func open(readOnly: Bool) -> HelloDisk { HelloDisk() }
}

/// A disk of one sector that says hello, followed by zeroes.
final class HelloDisk: Connection {
  private let sector = Array("Hello, world!\n".utf8) + [UInt8](repeating: 0, count: 498)

  func size() -> UInt64 { UInt64(sector.count) }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) {
    let start = Int(offset)
    for byte in sector[start..<start + buffer.freeCapacity] { buffer.append(byte) }
  }
}
