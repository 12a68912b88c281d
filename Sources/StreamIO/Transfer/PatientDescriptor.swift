import Glibc
import StreamCore
import Synchronization
import SystemPackage

/// A descriptor and the waits for it: each is a poll of at most 100 ms, after which ``Patience`` is
/// asked, so that a request ends when its client goes or the server stops.
struct PatientDescriptor: Sendable {
  let file: FileDescriptor
  /// What the endpoint is called in messages.
  let name: String
  /// Asked whether to go on waiting.
  var patience: Patience
  /// Shows the progress to other threads, if wanted.
  let gauge: Gauge?

  /// Bytes moved since the patience was last asked: it is asked even if there is never a wait.
  private var unasked = 0
  /// Whether a wait was ended from outside: mostly the server stops, and the next wait, for another
  /// client, would go on for nothing.
  private var wasInterrupted = false
  /// How long a process at the other end was waited for, in milliseconds.
  private var waited = 0

  init(_ file: FileDescriptor, name: String, patience: Patience, gauge: Gauge? = nil) {
    self.file = file
    self.name = name
    self.patience = patience
    self.gauge = gauge
  }

  /// Waits for a process at the other end, for some milliseconds. Says once, after a few seconds,
  /// that it waits for `whom`.
  mutating func waitForPeer(_ whom: String) throws(TransferError) {
    gauge?.waiting.store(.otherEnd, ordering: .relaxed)
    defer { gauge?.waiting.store(.nobody, ordering: .relaxed) }
    // The waits are short at first: the other end is mostly started together with the server.
    let slice = waited < 1000 ? 10 : 100
    guard patience.pause(slice) else { throw .interrupted }
    let before = waited
    waited += slice
    if before < 3000, waited >= 3000 {
      patience.announce("\(name): waiting for \(whom) to open it")
    }
  }

  /// Returns when the descriptor takes or gives bytes again, or has failed: the next call tells
  /// which. A wait counts as a mebibyte moved, so that the patience is asked even if waits end at
  /// once again and again.
  mutating func wait(for events: Int32) throws(TransferError) {
    gauge?.waiting.store(.otherEnd, ordering: .relaxed)
    defer { gauge?.waiting.store(.nobody, ordering: .relaxed) }
    if wasInterrupted { try ask() } else { try askAfter(1 << 20) }
    var request = pollfd(fd: file.rawValue, events: Int16(events), revents: 0)
    // It asks after a signal too.
    while poll(&request, 1, 100) <= 0 { try ask() }
  }

  mutating func askAfter(_ count: Int) throws(TransferError) {
    unasked += count
    if unasked >= 256 << 20 { try ask() }
  }

  mutating func ask() throws(TransferError) {
    unasked = 0
    wasInterrupted = !patience.pause(0)
    if wasInterrupted { throw .interrupted }
  }

  /// What has happened on the descriptor by now.
  func events(_ wanted: Int32 = 0) -> Int32 { file.events(wanted) }

  /// The failure of a call, with the name of the endpoint.
  func broken(_ error: Int32, _ reason: String? = nil) -> TransferError {
    .broken(Failure(errno: error, reason: "\(name): \(reason ?? "\(Errno(rawValue: error))")"))
  }
}
