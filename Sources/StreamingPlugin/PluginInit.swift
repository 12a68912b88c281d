import NBDKit

/// nbdkit's way in, and the only symbol this library exports.
@c(plugin_init)
public func pluginInit() -> UnsafeMutableRawPointer {
  StreamingPlugin.register()
}
