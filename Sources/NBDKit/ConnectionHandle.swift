/// What nbdkit is given as a connection's handle: the connection, with each of its capabilities
/// looked up once, so that a request costs one indirect call and no dynamic cast.
final class ConnectionHandle {
  let connection: any Connection
  let writable: (any Writable)?
  let flushable: (any Flushable)?
  let zeroable: (any Zeroable)?
  let trimmable: (any Trimmable)?
  let extentReporting: (any ExtentReporting)?

  init(_ connection: any Connection) {
    self.connection = connection
    writable = connection as? any Writable
    flushable = connection as? any Flushable
    zeroable = connection as? any Zeroable
    trimmable = connection as? any Trimmable
    extentReporting = connection as? any ExtentReporting
  }
}
