import NBDKit
import StreamCore
import StreamIO
import SystemPackage

/// The endpoint of the stream, from the checks at the start to the removal of what was made.
enum PreparedEndpoint: Sendable {
  /// A FIFO to be opened in the serving process: if the process that waits for `--run` had an end
  /// open, it would hold back the end of the stream.
  case namedPipe(NamedPipe)
  /// An endpoint that is already open.
  case open(OpenEndpoint)
  /// An endpoint that is already open, but the server also has the original, and the reader waits
  /// for the end of both.
  case inherited(OpenEndpoint, original: InheritedDescriptor)

  /// A command to be started in the serving process, for the same reason.
  case command(String, at: StartingPoint, Direction)

  /// Checks what is at the endpoint and takes it, and makes a FIFO if nothing is there.
  static func prepare(_ endpoint: Parameters.Endpoint) throws(PluginError) -> PreparedEndpoint {
    do {
      switch endpoint.kind {
      case .descriptor(let original):
        return .inherited(try original.open(), original: original)
      case .command(let text, let start): return .command(text, at: start, endpoint.direction)
      case .path(let path):
        switch try Endpoint(at: path, for: endpoint.direction) {
        case .absent, .fifo:
          let pipe = try NamedPipe(path: path, for: endpoint.direction)
          pipe.removeAtExit()
          return .namedPipe(pipe)
        case .socket: return .open(try UnixSocket.connect(to: path).keptByServerAlone())
        case .characterDevice:
          return .open(try CharacterDevice.open(path, for: endpoint.direction))
        }
      }
    } catch {
      throw PluginError(error, of: endpoint.name)
    }
  }

  /// Opens what is not open yet, in the serving process.
  mutating func open() throws(Failure) -> OpenEndpoint {
    switch self {
    case .open(let endpoint): return endpoint
    case .command(let text, let start, .write):
      let (command, input) = try Command.reading(text, at: start)
      return OpenEndpoint(input, .pipe, hasPeer: true, command: command)
    case .command(let text, let start, .read):
      let (command, output) = try Command.writing(text, at: start)
      return OpenEndpoint(output, .pipe, hasPeer: true, command: command)
    case .inherited(let endpoint, let original):
      original.closeOriginal()
      return endpoint
    case .namedPipe(var pipe):
      defer {
        self = .namedPipe(pipe)
        pipe.removeAtExit()
      }
      return try pipe.open()
    }
  }

  /// Removes the FIFO if it was made here.
  func remove() throws(Failure) {
    guard case .namedPipe(let pipe) = self else { return }
    try pipe.remove()
  }
}

extension PluginError {
  /// A failure of the endpoint that the user gave as `parameter`.
  init(_ failure: Failure, of parameter: String) {
    self.init(failure.number, "\(parameter): \(failure.reason)")
  }

  /// A failure of an encoder that the user asked for by `parameter`.
  init(_ error: TransferError, of parameter: String) {
    switch error {
    case .interrupted: self.init(.socketShutdown, "\(parameter): interrupted")
    case .broken(let failure): self.init(failure, of: parameter)
    }
  }
}
