public import SystemPackage

/// An endpoint that is open, from which a sink or a source is made.
public struct OpenEndpoint: Sendable {
  /// What a descriptor is, which decides on the system calls.
  public enum Kind: Sendable {
    case pipe, socket, device
  }

  /// To be closed by whoever has the endpoint.
  public let descriptor: FileDescriptor
  let kind: Kind
  let hasPeer: Bool
  let staysBlocking: Bool
  /// Who is at the other end, if it is a command that was started for it.
  public let command: Command?
  /// Who else opened a FIFO since, where that can happen.
  let watch: FIFOWatch?

  /// Takes over `descriptor`.
  ///
  /// - Parameters:
  ///   - hasPeer: A pipe has had somebody at its other end from the start, so that nobody is waited
  ///     for: if that one has gone, no other can come.
  ///   - staysBlocking: The descriptor is shared with others and could not be opened anew, so it was
  ///     left blocking.
  ///   - command: Who is at the other end, if it is a command that was started for it.
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
