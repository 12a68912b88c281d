import SystemPackage

/// An nbdkit plugin: one instance a process, made when the server loads it and kept until it exits.
///
/// A plugin says what it is by its static members, reads its parameters in ``configure(_:_:)``, and
/// hands out a ``Connection`` to every client. What it can do beyond that is what it conforms to
/// (``ClientScreening``, ``ExportListing``, ``DefaultExportNaming``), and what its connections can do
/// beyond reading is what their type conforms to: ``Writable``, ``Flushable``, ``Zeroable`` and so on.
/// nbdkit is given exactly those callbacks.
///
/// The members stand in the order of their life. Up to and including ``getReady()`` the server is one
/// thread in the process the user started: whatever can be refused should be refused there, where the
/// user still sees it. The server forks after that, which kills threads, so ``afterFork()`` is the
/// first place for one.
///
/// Conforming types are final classes (``threadModel`` names them exactly).
///
/// *Threads.* One call at a time, from any thread, unless ``threadModel`` is one that asks for a
/// `Sendable` plugin: then everything from ``open(readOnly:)`` on is called from several threads at
/// once.
///
/// *Errors.* Every throwing member may throw a ``PluginError``, an `Errno` or any other error. Its
/// description goes to the server's log; an `Errno` is kept, anything foreign is `EIO`.
public protocol Plugin: AnyObject {
  /// What a client is given by ``open(readOnly:)``; found by the compiler.
  associatedtype ClientConnection: Connection

  /// What the user types: ASCII letters and digits, and dashes but for the first character.
  /// C field: `.name`.
  static var name: String { get }

  /// A name for people, shown by `--help`, or `nil`. C field: `.longname`.
  static var longName: String? { get }

  /// The plugin's own version, shown by `--version`, or `nil`. C field: `.version`.
  static var version: String? { get }

  /// What the plugin does, in a paragraph for `--help`, or `nil`. C field: `.description`.
  static var summary: String? { get }

  /// One line a parameter for `--help`, or `nil`. nbdkit's shell completion looks for lines that
  /// start with `key=`. C field: `.config_help`.
  static var parameterHelp: String? { get }

  /// The parameter that a bare argument stands for (`nbdkit file disk.img`), or `nil`.
  /// C field: `.magic_config_key`.
  static var magicParameter: String? { get }

  /// How many requests may run at the same time, at most. C field: `._thread_model`.
  static var threadModel: ThreadModel<Self> { get }

  /// Makes the instance. An error shows as soon as the server asks for anything: it does not start.
  /// C callback: `.load`.
  init() throws

  /// Lines for `--dump-plugin` beyond the server's own; keys start with the plugin's name and `_`.
  /// Called after the parameters given with it were configured. C callback: `.dump_plugin`.
  func dumpFields() -> [(key: String, value: String)]

  /// Takes one parameter of the command line, in the order given. The default refuses every key.
  /// C callback: `.config`.
  func configure(_ key: String, _ value: String) throws

  /// Checks the parameters as a whole. C callback: `.config_complete`.
  func configurationComplete() throws

  /// How many requests may run at the same time with the parameters that were given. A model looser
  /// than the static ``threadModel``, the default, changes nothing. C callback: `.thread_model`.
  func configuredThreadModel() throws -> ThreadModel<Self>

  /// Checks and prepares what can be before the server forks, changes its user or opens its
  /// socket. Standard input and output are the user's for the last time. C callback: `.get_ready`.
  func getReady() throws

  /// Starts threads and opens what must belong to the serving process. An error here ends a server
  /// that runs a command with `--run` but leaves that command hanging: prefer to fail earlier.
  /// C callback: `.after_fork`.
  func afterFork() throws

  /// Gives a client its connection. Called several times for a client that asks for information
  /// first. Which export it asked for: ``Server/exportName()``. C callback: `.open`.
  ///
  /// - Parameter readOnly: Whether the server was started with `-r`.
  func open(readOnly: Bool) throws -> ClientConnection

  /// Ends the plugin's work after the last request. Connections that clients left open are still
  /// there: the server closes none of them at shutdown, this library does after this call.
  /// Not called if the server never got as far as ``afterFork()``. C callback: `.cleanup` or, in
  /// servers older than that (1.26), `.unload`.
  func cleanup()

  /// The last call, also for a server that never served; the instance is not released behind it, as
  /// the process ends. Not called where the server refused a parameter. C callback: `.unload`.
  func unload()
}

/// A plugin that has a say in whether a client may begin its handshake.
///
/// This question alone comes outside the server's own lock, whatever the thread model, while other
/// clients are served: so only a `Sendable` plugin can answer it.
public protocol ClientScreening: Plugin, Sendable {
  /// Turns a client away by throwing. Should be quick and take little, as anybody who connects gets
  /// this far; what is known of the client: ``Server/peerAddress``, ``Server/peerUser`` and their
  /// like. C callback: `.preconnect`.
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

  /// Accepts.
  public func configurationComplete() throws {}
  /// The static one.
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
