import NBDKit
import Synchronization
import SystemPackage

/// The function that nbdkit looks up.
@c(plugin_init)
public func pluginInit() -> UnsafeMutableRawPointer { RAMDiskPlugin.register() }

/// Disks in memory, one for each `export=`; all clients of an export share its disk.
final class RAMDiskPlugin: Plugin, ExportListing, DefaultExportNaming, Sendable {
  static let name = "ramdisk"
  static let longName: String? = "RAM disks"
  static let parameterHelp: String? = """
    size=<SIZE>      Of each disk (required).
    export=<NAME>    A disk; may be repeated. Default: one named disk.
    """
  static let magicParameter: String? = "size"
  static let threadModel = ThreadModel<RAMDiskPlugin>.parallel

  private struct Disks {
    var size: UInt64?
    var names: [String] = []
    var byName: [String: RAMDisk] = [:]
  }

  private let disks = Mutex(Disks())

  func configure(_ key: String, _ value: String) throws {
    try disks.withLock { disks in
      switch key {
      case "size":
        disks.size = try Server.parseSize(value)
      case "export":
        guard !disks.names.contains(value) else {
          throw PluginError(.invalidArgument, "export=\(value): given twice")
        }
        disks.names.append(value)
      default:
        throw PluginError(.invalidArgument, "\(key)=\(value): neither size= nor export=")
      }
    }
  }

  func configurationComplete() throws {
    try disks.withLock { disks in
      guard let size = disks.size else {
        throw PluginError(.invalidArgument, "size= is missing: how large is a disk?")
      }
      if disks.names.isEmpty { disks.names = ["disk"] }
      for name in disks.names { disks.byName[name] = RAMDisk(size: size) }
    }
  }

  func listExports(readOnly: Bool, isTLS: Bool, into exports: inout Exports) throws {
    for name in disks.withLock({ $0.names }) { try exports.add(name, description: "a RAM disk") }
  }

  func defaultExport(readOnly: Bool, isTLS: Bool) -> String? { disks.withLock { $0.names.first } }

  func open(readOnly: Bool) throws -> RAMDiskConnection {
    let name = try Server.exportName()
    guard let disk = disks.withLock({ $0.byName[name] }) else {
      throw PluginError(.noSuchFileOrDirectory, "export '\(name)': there is none of that name")
    }
    return RAMDiskConnection(disk)
  }
}
