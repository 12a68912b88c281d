public import SystemPackage

/// An endpoint that is open, from which a sink or a source is made.
public struct OpenEndpoint: Sendable {
  /// What a descriptor is, which decides on the system calls.
  public enum Kind: Sendable {
    case pipe, socket, device
  }

  /// Closed by the holder of the endpoint.
  public let descriptor: FileDescriptor
  let kind: Kind
  let hasPeer: Bool
  let staysBlocking: Bool
  /// The command at the other end, if one was started for it.
  public let command: Command?
  /// Watches whether others open a FIFO, if that can happen.
  let watch: FIFOWatch?

  /// Takes over `descriptor`.
  ///
  /// - Parameters:
  ///   - hasPeer: Whether a pipe has had a process at its other end from the start, so that none is
  ///     waited for: if that process has gone, no other can come.
  ///   - staysBlocking: Whether the descriptor is shared with others and could not be opened anew,
  ///     so that it was left blocking.
  ///   - command: The command at the other end, if one was started for it.
  public init(
    _ descriptor: FileDescriptor, _ kind: Kind, hasPeer: Bool = false, staysBlocking: Bool = false,
    command: Command? = nil
  ) {
    self.init(
      descriptor, kind, hasPeer: hasPeer, staysBlocking: staysBlocking, command: command, watch: nil
    )
  }

  init(
    _ descriptor: FileDescriptor, _ kind: Kind, hasPeer: Bool = false, staysBlocking: Bool = false,
    command: Command? = nil, watch: FIFOWatch?
  ) {
    self.watch = watch
    self.descriptor = descriptor
    self.kind = kind
    self.hasPeer = hasPeer || kind != .pipe
    self.staysBlocking = staysBlocking
    self.command = command
  }
}
