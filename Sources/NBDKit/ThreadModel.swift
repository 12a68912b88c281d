import CNBDKit

/// How many requests nbdkit may run at the same time in a plugin of type `Owner`.
///
/// What a model demands of the plugin's types is checked by the compiler: a model that calls from
/// several threads at once exists only for types that are `Sendable`.
public struct ThreadModel<Owner: Plugin>: Sendable {
  let rawValue: Int32

  /// One client at a time. C constant: `NBDKIT_THREAD_MODEL_SERIALIZE_CONNECTIONS`.
  public static var serializeConnections: Self {
    Self(rawValue: NBDKIT_THREAD_MODEL_SERIALIZE_CONNECTIONS)
  }

  /// Several clients, one request at a time over all of them. A client's handshake counts as one:
  /// a peer that connects and says nothing stops the others.
  /// C constant: `NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS`.
  public static var serializeAllRequests: Self {
    Self(rawValue: NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS)
  }
}

extension ThreadModel where Owner: Sendable {
  /// Several clients, one request at a time for each: the plugin is shared between threads, a
  /// connection is not. C constant: `NBDKIT_THREAD_MODEL_SERIALIZE_REQUESTS`.
  public static var serializeRequests: Self {
    Self(rawValue: NBDKIT_THREAD_MODEL_SERIALIZE_REQUESTS)
  }
}

extension ThreadModel where Owner: Sendable, Owner.ClientConnection: Sendable {
  /// Several clients, any number of requests at a time for each: plugin and connections are shared
  /// between threads. The questions that a connection is asked before its first request, and its
  /// closing, still come one at a time. C constant: `NBDKIT_THREAD_MODEL_PARALLEL`.
  public static var parallel: Self {
    Self(rawValue: NBDKIT_THREAD_MODEL_PARALLEL)
  }
}
