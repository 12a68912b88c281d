import Glibc
import NBDKit
import StreamCore
import StreamIO
import SystemPackage

extension Parameters {
  /// What the user named as the stream's other end.
  struct Endpoint: Sendable {
    enum Kind: Sendable {
      /// An absolute path.
      case path(String)
      case descriptor(InheritedDescriptor)
      /// A text for the shell, and where it is to run.
      case command(String, at: StartingPoint)
    }

    let direction: Direction
    let kind: Kind
    let key: String
    let value: String

    /// The parameter as the user gave it, for messages: `pipe=output`. For a command it is the key
    /// alone: the text may hold a password, and messages reach the report and, with newer servers,
    /// clients.
    var name: String {
      if case .command = kind { key } else { "\(key)=\(value)" }
    }
  }
}

extension Parameters.Endpoint.Kind {
  /// A file's name, or `-`.
  init(path value: String, for direction: Direction) throws(PluginError) {
    guard value == "-" else {
      if let number = InheritedDescriptor.number(named: value) {
        try self.init(descriptor: "\(number)", for: direction)
        return
      }
      self = .path(try Parameters.path(value))
      return
    }
    switch direction {
    case .write: try self.init(descriptor: 1, called: "standard output", for: direction)
    case .read: try self.init(descriptor: 0, called: "standard input", for: direction)
    }
  }

  /// The number of a descriptor.
  init(descriptor value: String, for direction: Direction) throws(PluginError) {
    guard let number = Int32(value), number >= 0 else {
      throw PluginError(
        .invalidArgument,
        "'\(value)' is not a descriptor's number: give that of one that is open when nbdkit starts")
    }
    guard number != STDERR_FILENO else {
      throw PluginError(
        .invalidArgument, "descriptor 2 is where nbdkit's own messages go: give another one")
    }
    try self.init(descriptor: number, called: "descriptor \(value)", for: direction)
  }

  /// A shell command.
  init(command value: String, for direction: Direction) throws(PluginError) {
    guard !value.isEmpty else {
      throw PluginError(.invalidArgument, "empty: give a command for the shell")
    }
    do {
      self = .command(value, at: try StartingPoint(outputIsFree: Server.standardIOIsSafe))
    } catch {
      throw PluginError(error.number, error.reason)
    }
  }

  private init(
    descriptor number: Int32, called name: String, for direction: Direction
  ) throws(PluginError) {
    guard number > STDOUT_FILENO || Server.standardIOIsSafe else {
      throw PluginError(
        .invalidArgument, "\(name) is used for the client with -s: give another endpoint")
    }
    if number == STDOUT_FILENO, direction == .write,
      ServerArguments.printToOutput
    {
      throw PluginError(
        .invalidArgument,
        "--print-uri prints to \(name), and would be part of the stream: leave it out, or give "
          + "another endpoint")
    }
    do {
      self = .descriptor(try InheritedDescriptor(number, for: direction))
    } catch {
      throw PluginError(error.number, "\(name) \(error.reason)")
    }
  }
}
