import NBDKit

/// The function that nbdkit looks up, and the only symbol that this library exports.
@c(plugin_init)
public func pluginInit() -> UnsafeMutableRawPointer {
  StreamingPlugin.register()
}
