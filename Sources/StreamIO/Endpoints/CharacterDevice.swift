import SystemPackage

/// A tape, `/dev/null` and the like.
public enum CharacterDevice {
  /// Opens a device, non-blocking where it knows that.
  public static func open(
    _ path: String, for direction: Direction
  ) throws(IOFailure) -> OpenEndpoint {
    do {
      let device = try FileDescriptor.open(
        FilePath(path), direction.accessMode, options: [.nonBlocking, .closeOnExec])
      return OpenEndpoint(device, .device)
    } catch {
      throw IOFailure(error as? Errno ?? .ioError, "the device can't be opened: \(error)")
    }
  }
}
