/// What nbdkit is given as a connection's handle: the connection, with each of its capabilities
/// looked up once, so that a request costs one indirect call and no dynamic cast.
final class ConnectionHandle {
  let connection: any Connection
  let writable: (any Writable)?
  let flushable: (any Flushable)?
  let forceUnitAccessible: (any ForceUnitAccessible)?
  let zeroable: (any Zeroable)?
  let fastZeroable: (any FastZeroable)?
  let trimmable: (any Trimmable)?
  let extentReporting: (any ExtentReporting)?
  let cacheable: (any Cacheable)?
  let blockSizing: (any BlockSizing)?
  let exportDescribing: (any ExportDescribing)?
  /// Whether the connection has said that it can't zero fast. This is written before the first
  /// request.
  var refusesFastZeroes = false

  init(_ connection: any Connection) {
    self.connection = connection
    writable = connection as? any Writable
    flushable = connection as? any Flushable
    forceUnitAccessible = connection as? any ForceUnitAccessible
    zeroable = connection as? any Zeroable
    fastZeroable = connection as? any FastZeroable
    trimmable = connection as? any Trimmable
    extentReporting = connection as? any ExtentReporting
    cacheable = connection as? any Cacheable
    blockSizing = connection as? any BlockSizing
    exportDescribing = connection as? any ExportDescribing
  }
}
