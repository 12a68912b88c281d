import NBDKit
import StreamIO

/// Where the stream goes, from the checks at the start to the removal of what was made.
enum Destination: Sendable {
  /// To be opened in the serving process: an end open in the one that waits for `--run` would hold
  /// back the reader's end of file.
  case namedPipe(NamedPipe, name: String)
  /// Open already.
  case open(DescriptorSink)
  /// Open already, but the server has the original too, whose reader waits for the end of both.
  case inherited(DescriptorSink, original: InheritedDescriptor)

  /// Checks what stands at the target and takes it, making a FIFO where nothing stands.
  static func prepare(
    _ parameters: Parameters, patience: Patience
  ) throws(PluginError) -> Destination? {
    guard let target = parameters.target else { return nil }
    let name = target.name
    do {
      switch target.place {
      case .descriptor(let original):
        return .inherited(
          try original.sink(name: name, patience: patience), original: original)
      case .path(let path):
        switch try Endpoint(writableAt: path) {
        case .absent, .fifo:
          let pipe = try NamedPipe(path: path)
          pipe.removeAtExit()
          return .namedPipe(pipe, name: name)
        case .socket:
          let connection = try UnixSocket.connect(to: path)
          return .open(DescriptorSink(connection, .socket, name: name, patience: patience))
        case .characterDevice:
          let device = try CharacterDevice.open(path)
          return .open(DescriptorSink(device, .device, name: name, patience: patience))
        }
      }
    } catch {
      throw PluginError(error, of: name)
    }
  }

  /// Opens what is not open yet, in the serving process.
  mutating func open(patience: Patience) throws(PluginError) -> DescriptorSink {
    switch self {
    case .open(let sink): return sink
    case .inherited(let sink, let original):
      original.closeOriginal()
      return sink
    case .namedPipe(var pipe, let name):
      defer {
        self = .namedPipe(pipe, name: name)
        pipe.removeAtExit()
      }
      do {
        return DescriptorSink(try pipe.open(), .pipe, name: name, patience: patience)
      } catch {
        throw PluginError(error, of: name)
      }
    }
  }

  /// Removes the FIFO if it was made here.
  func remove() throws(PluginError) {
    guard case .namedPipe(let pipe, let name) = self else { return }
    do { try pipe.remove() } catch { throw PluginError(error, of: name) }
  }
}

extension PluginError {
  /// A failure of the endpoint that the user gave as `parameter`.
  init(_ failure: IOFailure, of parameter: String) {
    self.init(failure.errno, "\(parameter): \(failure.message)")
  }
}
