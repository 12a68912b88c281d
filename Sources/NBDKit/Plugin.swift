import SystemPackage

/// An nbdkit plugin: one instance per process, made when the server loads it and kept until it
/// exits.
///
/// A plugin says what it is by its static members, reads its parameters in ``configure(_:_:)``, and
/// hands out a ``Connection`` to every client. What it can do beyond that is what it conforms to
/// (``ClientScreening``, ``ExportListing``, ``DefaultExportNaming``), and what its connections can
/// do beyond reading is what their type conforms to: ``Writable``, ``Flushable``, ``Zeroable`` and
/// so on. nbdkit is given exactly those callbacks.
///
/// The members are listed in the order in which they are called. Up to and including ``getReady()``
/// the server is one thread in the process that the user started: whatever can be refused should be
/// refused there, where the user still sees it. The server forks after that, which kills threads,
/// so ``afterFork()`` is the first place to start one.
///
/// Conforming types are final classes, because ``threadModel`` names the exact type.
///
/// *Threads.* There is one call at a time, from any thread, unless ``threadModel`` is one that asks
/// for a `Sendable` plugin: then everything from ``open(readOnly:)`` on is called from several
/// threads at once.
///
/// *Errors.* Every throwing member may throw a ``PluginError``, an `Errno` or any other error. Its
/// description goes to the server's log; an `Errno` is kept, and any other error becomes `EIO`.
public protocol Plugin: AnyObject {
  /// What a client is given by ``open(readOnly:)``; inferred by the compiler.
  associatedtype ClientConnection: Connection

  /// The name that the user types: ASCII letters, digits and dashes, but no dash as the first
  /// character. C field: `.name`.
  static var name: String { get }

  /// A name for people, shown by `--help`, or `nil`. C field: `.longname`.
  static var longName: String? { get }

  /// The plugin's own version, shown by `--version`, or `nil`. C field: `.version`.
  static var version: String? { get }

  /// What the plugin does, in a paragraph for `--help`, or `nil`. C field: `.description`.
  static var summary: String? { get }

  /// Help for `--help`, one line per parameter, or `nil`. nbdkit's shell completion looks for lines
  /// that start with `key=`. C field: `.config_help`.
  static var parameterHelp: String? { get }

  /// The parameter that a bare argument stands for (`nbdkit file disk.img`), or `nil`.
  /// C field: `.magic_config_key`.
  static var magicParameter: String? { get }

  /// How many requests may run at the same time, at most. C field: `._thread_model`.
  static var threadModel: ThreadModel<Self> { get }

  /// Makes the instance. An error shows as soon as the server calls the plugin, and the server does
  /// not start. C callback: `.load`.
  init() throws

  /// Lines for `--dump-plugin` besides the server's own; keys start with the plugin's name and `_`.
  /// This is called after the parameters given with that option were configured.
  /// C callback: `.dump_plugin`.
  func dumpFields() -> [(key: String, value: String)]

  /// Takes one parameter of the command line, in the order given. The default refuses every key.
  /// C callback: `.config`.
  func configure(_ key: String, _ value: String) throws

  /// Checks the parameters as a whole. C callback: `.config_complete`.
  func configurationComplete() throws

  /// How many requests may run at the same time with the parameters that were given. The default is
  /// the static ``threadModel``, and a model that is looser than that changes nothing.
  /// C callback: `.thread_model`.
  func configuredThreadModel() throws -> ThreadModel<Self>

  /// Checks and prepares what it can before the server forks, changes its user or opens its socket.
  /// This is the last call in which standard input and output are the user's.
  /// C callback: `.get_ready`.
  func getReady() throws

  /// Starts threads and opens what must belong to the serving process. An error here ends a server
  /// that runs a command with `--run` but leaves that command hanging: prefer to fail earlier.
  /// C callback: `.after_fork`.
  func afterFork() throws

  /// Gives a client its connection. This is called several times for a client that asks for
  /// information first. ``Server/exportName()`` says which export the client asked for.
  /// C callback: `.open`.
  ///
  /// - Parameter readOnly: Whether the server was started with `-r`.
  func open(readOnly: Bool) throws -> ClientConnection

  /// Ends the plugin's work after the last request. Connections that clients left open are still
  /// there: the server closes none of them at shutdown, but this library closes them after this
  /// call. This is not called if the server never got as far as ``afterFork()``.
  /// C callback: `.cleanup` or, in servers that don't have it (before 1.26), `.unload`.
  func cleanup()

  /// The last call, which is made even if the server never served. The instance is not released
  /// after it, as the process ends. This is not called if the server refused a parameter.
  /// C callback: `.unload`.
  func unload()
}

/// A plugin that decides whether a client may begin its handshake.
///
/// This is the only call that is made outside the server's own lock, whatever the thread model,
/// while other clients are served. Therefore only a `Sendable` plugin can answer it.
public protocol ClientScreening: Plugin, Sendable {
  /// Turns a client away by throwing an error. It should be quick and use little, as anybody who
  /// connects gets this far. ``Server/peerAddress``, ``Server/peerUser`` and the like say what is
  /// known of the client. C callback: `.preconnect`.
  ///
  /// - Parameter readOnly: Whether the server was started with `-r`.
  func preconnect(readOnly: Bool) throws
}

extension Plugin {
  /// None.
  public static var longName: String? { nil }
  /// None.
  public static var version: String? { nil }
  /// None.
  public static var summary: String? { nil }
  /// None.
  public static var parameterHelp: String? { nil }
  /// None.
  public static var magicParameter: String? { nil }

  /// No lines.
  public func dumpFields() -> [(key: String, value: String)] { [] }

  /// Refuses every parameter.
  public func configure(_ key: String, _ value: String) throws {
    throw PluginError(.invalidArgument, "\(key)=\(value): unknown parameter: this plugin has none")
  }

  /// Accepts the parameters.
  public func configurationComplete() throws {}
  /// The static thread model.
  public func configuredThreadModel() -> ThreadModel<Self> { Self.threadModel }
  /// Does nothing.
  public func getReady() throws {}
  /// Does nothing.
  public func afterFork() throws {}
  /// Does nothing.
  public func cleanup() {}
  /// Does nothing.
  public func unload() {}
}
