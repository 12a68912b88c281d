import CNBDKit
import Glibc
import SystemPackage

/// A plugin that serves more than one disk, and tells clients which.
///
/// A client names the export it wants: see ``Server/exportName()`` in ``Plugin/open(readOnly:)``.
/// Without this conformance, clients are told only the name of the default export.
public protocol ExportListing: Plugin {
  /// Lists what is served, in any order; the list may be empty.
  ///
  /// - Parameters:
  ///   - readOnly: Whether the server was started with `-r`.
  ///   - isTLS: Whether the client has authenticated by TLS: with `--tls=on` other clients ask too.
  ///   - exports: Lent until this returns.
  ///
  /// There is one call at a time, unless the thread model is one that asks for a `Sendable` plugin.
  /// C callback: `.list_exports`.
  func listExports(readOnly: Bool, isTLS: Bool, into exports: inout Exports) throws
}

/// A plugin that says which export a client gets if it asks for none.
public protocol DefaultExportNaming: Plugin {
  /// A name of at most 4096 bytes, or `nil` to turn such clients away. An error turns them away
  /// too, and is printed to the log. The parameters are those of ``ExportListing``.
  /// C callback: `.default_export`.
  func defaultExport(readOnly: Bool, isTLS: Bool) throws -> String?
}

/// The answer to a client that asks for the list of exports, lent to the callback that fills it.
public struct Exports: ~Copyable, ~Escapable {
  private let list: OpaquePointer

  @_lifetime(immortal)
  init(list: OpaquePointer) {
    self.list = list
  }

  /// Appends an export.
  ///
  /// - Parameters:
  ///   - name: At most 4096 bytes, none of them 0; copied.
  ///   - description: For people; the same limits.
  /// - Throws: `EINVAL`, `ENOMEM`; the server may have printed a line of its own.
  ///
  /// C function: `nbdkit_add_export`.
  public mutating func add(_ name: String, description: String? = nil) throws(PluginError) {
    guard !name.utf8.contains(0), description?.utf8.contains(0) != true else {
      throw PluginError(.invalidArgument, "export '\(name)': has a zero byte in it")
    }
    guard nbdkit_add_export(list, name, description) == 0 else {
      throw PluginError(lastError, "export '\(name)' was not accepted by the server")
    }
  }

  /// Appends what a plugin without ``ExportListing`` lists: the default export.
  ///
  /// - Throws: `EINVAL`, `ENOMEM`; the server may have printed a line of its own.
  ///
  /// C function: `nbdkit_use_default_export`.
  public mutating func addDefault() throws(PluginError) {
    guard nbdkit_use_default_export(list) == 0 else {
      throw PluginError(lastError, "the default export was not accepted by the server")
    }
  }
}

/// The errno of a call that has just failed.
var lastError: Errno { Errno(rawValue: errno) }
