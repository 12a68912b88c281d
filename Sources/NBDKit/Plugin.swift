import SystemPackage

/// An nbdkit plugin: one instance a process, made when the server loads it and kept until it exits.
///
/// A plugin says what it is by its static members, reads its parameters in ``configure(_:_:)``, and
/// hands out a ``Connection`` to every client. What it can do beyond reading is what its connection
/// type conforms to: ``Writable``, ``Flushable``, ``Zeroable`` and so on; nbdkit is offered exactly
/// those callbacks.
///
/// The members stand in the order of their life. Up to and including ``getReady()`` the server is one
/// thread in the process the user started: whatever can be refused should be refused there, where the
/// user still sees it. The server forks after that, which kills threads, so ``afterFork()`` is the
/// first place for one.
///
/// Conforming types are final classes (``threadModel`` names them exactly).
///
/// - Throws: Every throwing member may throw a ``PluginError``, an `Errno` or any other error. Its
///   description goes to the server's log; an `Errno` is kept, anything foreign is `EIO`.
public protocol Plugin: AnyObject {
  /// What a client is given by ``open(readOnly:)``.
  associatedtype Connection: NBDKit.Connection

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

  /// How many requests may run at the same time. C field: `._thread_model`.
  static var threadModel: ThreadModel<Self> { get }

  /// Makes the instance. C callback: `.load`.
  init() throws

  /// Lines for `--dump-plugin` beyond the server's own; keys start with the plugin's name and `_`.
  /// Called after the parameters given with it were configured. C callback: `.dump_plugin`.
  func dumpFields() -> [(key: String, value: String)]

  /// Takes one parameter of the command line, in the order given. The default refuses every key.
  /// C callback: `.config`.
  func configure(_ key: String, _ value: String) throws

  /// Checks the parameters as a whole. C callback: `.config_complete`.
  func configurationComplete() throws

  /// Checks and prepares what can be before the server forks, changes its user or opens its
  /// socket. Standard input and output are the user's for the last time. C callback: `.get_ready`.
  func getReady() throws

  /// Starts threads and opens what must belong to the serving process. An error here ends a server
  /// that runs a command with `--run` but leaves that command hanging: prefer to fail earlier.
  /// C callback: `.after_fork`.
  func afterFork() throws

  /// Decides whether a client may begin the handshake. May run while other clients are served,
  /// whatever the thread model. C callback: `.preconnect`.
  func preconnect(readOnly: Bool) throws

  /// Gives a client its connection. Called several times for a client that asks for information
  /// first. C callback: `.open`.
  ///
  /// - Parameter readOnly: Whether the server was started with `-r`.
  func open(readOnly: Bool) throws -> Connection

  /// Ends the plugin's work after the last request. Connections that clients left open are still
  /// there: the server closes none of them at shutdown, this library does after this call.
  /// Not called if the server never got as far as ``afterFork()``. C callback: `.cleanup` or, in
  /// servers older than that (1.30), `.unload`.
  func cleanup()
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
  /// Does nothing.
  public func getReady() throws {}
  /// Does nothing.
  public func afterFork() throws {}
  /// Accepts.
  public func preconnect(readOnly: Bool) throws {}
  /// Does nothing.
  public func cleanup() {}
}
