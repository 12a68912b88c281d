import CNBDKit
import SystemPackage

/// The callbacks from loading to unloading that do not concern a connection.
extension Callbacks {
  static let config: @convention(c) (UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Int32 = {
    key, value in
    guard let key, let value else { return -1 }
    return status {
      let key = String(cString: key)
      // If it were repaired, it would be a different value, and often the name of a different file.
      guard let value = String(validatingCString: value) else {
        throw PluginError(.invalidArgument, "\(key)=\(String(cString: value)): not UTF-8")
      }
      try loaded().plugin.configure(key, value)
    }
  }

  static let configComplete: @convention(c) () -> Int32 = {
    status { try loaded().plugin.configurationComplete() }
  }

  static let threadModel: @convention(c) () -> Int32 = {
    answer(-1) { try loaded().plugin.rawThreadModel() }
  }

  static let getReady: @convention(c) () -> Int32 = {
    status { try loaded().plugin.getReady() }
  }

  static let afterFork: @convention(c) () -> Int32 = {
    status { try loaded().afterFork() }
  }

  static let cleanup: @convention(c) () -> Void = {
    LoadedPlugin.current?.cleanup()
  }

  static let unload: @convention(c) () -> Void = {
    LoadedPlugin.current?.unload()
  }

  static let dumpPlugin: @convention(c) () -> Void = {
    for (key, value) in LoadedPlugin.current?.plugin.dumpFields() ?? [] {
      print("\(Server.oneLine(key))=\(Server.oneLine(value))")
    }
  }

  static let preconnect: @convention(c) (Int32) -> Int32 = { readOnly in
    status {
      ClientAtHand.meet()
      try loaded().screening?.preconnect(readOnly: readOnly != 0)
    }
  }

  static let listExports: @convention(c) (Int32, Int32, OpaquePointer?) -> Int32 = {
    readOnly, isTLS, list in
    status {
      guard let listing = try loaded().plugin as? any ExportListing, let list else { return }
      var exports = Exports(list: list)
      try listing.listExports(readOnly: readOnly != 0, isTLS: isTLS != 0, into: &exports)
    }
  }

  static let defaultExport: @convention(c) (Int32, Int32) -> UnsafePointer<CChar>? = {
    readOnly, isTLS in
    answer(nil) {
      let naming = try loaded().plugin as? any DefaultExportNaming
      return try interned(naming?.defaultExport(readOnly: readOnly != 0, isTLS: isTLS != 0))
    }
  }
}

extension Plugin {
  fileprivate func rawThreadModel() throws -> Int32 { try configuredThreadModel().rawValue }
}
