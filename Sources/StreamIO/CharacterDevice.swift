public import SystemPackage

/// A tape, `/dev/null` and the like.
public enum CharacterDevice {
  /// Opens a device for writing, non-blocking where it knows that.
  ///
  /// - Returns: To be closed by the caller.
  public static func open(_ path: String) throws(IOFailure) -> FileDescriptor {
    do {
      return try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.nonBlocking, .closeOnExec])
    } catch {
      throw IOFailure(error as? Errno ?? .ioError, "the device can't be opened: \(error)")
    }
  }
}
