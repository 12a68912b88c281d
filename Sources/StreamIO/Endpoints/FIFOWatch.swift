import CLinux
import Glibc
import Synchronization
import SystemPackage

/// Checks by inotify whether a FIFO has one process at its other end from the first byte to the
/// last. If a reader leaves and another one comes, or if two read at a time, each has a part, and
/// yet all of it is taken.
///
/// The kernel notes what is done in order, but notes several opens in a row as one. So they can't
/// be counted; but an open that comes after the peer has moved a byte, or has closed, is by another
/// process, and nothing hides it. If several processes had the FIFO open before the first byte,
/// only those are known that this process may see in /proc, where it looks at the first transfer
/// and at the end.
final class FIFOWatch: Sendable {
  private struct State {
    /// Whether a byte of the stream was there to be taken.
    var hasBegun = false
    /// Whether the peer was seen to have moved a byte: from then on, any open is by another
    /// process.
    var isSettled = false
    /// How many opens there were before that.
    var opens = 0
    var doubt: String?
  }

  private let descriptor: FileDescriptor?
  private let end: Int32
  private let fifo: FileStatus.Identity
  private let direction: Direction
  private let state = Mutex(State())

  /// Watches from now on. `end` is this process's own end, the last one it opens. It is closed by
  /// its holder, once this is not asked any more.
  init(_ end: FileDescriptor, _ fifo: FileStatus.Identity, _ direction: Direction) {
    self.end = end.rawValue
    self.fifo = fifo
    self.direction = direction
    let watch = clinux_new_watch()
    descriptor = watch < 0 ? nil : FileDescriptor(rawValue: watch)
    if watch < 0 || clinux_watch(watch, end.rawValue, CLINUX_OPENED.rawValue | moved | closed) < 0 {
      let error = Errno(rawValue: errno)
      state.withLock {
        $0.isSettled = true
        $0.doubt =
          "the FIFO can't be watched (inotify: \(error)), so it is not known whether more than one "
          + "\(peer) had it open"
      }
    }
  }

  deinit { try? descriptor?.close() }

  private var peer: String { direction == .write ? "reader" : "writer" }
  private var moved: UInt32 { direction == .write ? CLINUX_READ.rawValue : CLINUX_WRITTEN.rawValue }
  private var closed: UInt32 {
    direction == .write ? CLINUX_READER_CLOSED.rawValue : CLINUX_WRITER_CLOSED.rawValue
  }

  /// Called for each transfer until ``isSettled``.
  ///
  /// - Parameter peerHasMoved: Whether a byte is known to have been taken by the peer, or to have
  ///   come from it.
  func look(peerHasMoved: Bool) {
    state.withLock { state in
      guard !state.isSettled else { return }
      take(&state)
      if !state.hasBegun {
        if state.opens > 1 { state.doubt = several }
        // One of them may have gone by the end.
        countOpenings(&state)
      }
      state.hasBegun = true
      if peerHasMoved { state.isSettled = true }
      // From here on nothing else matters, and at most one event waits.
      if state.isSettled, let descriptor {
        clinux_watch(descriptor.rawValue, end, CLINUX_OPENED.rawValue)
      }
    }
  }

  /// Whether ``look(peerHasMoved:)`` has nothing to do any more.
  var isSettled: Bool { state.withLock(\.isSettled) }

  /// Why it is not known that only one process had the other end, if so. It is asked while that
  /// process is still there.
  func doubt() -> String? {
    state.withLock { state in
      take(&state)
      if state.hasBegun { countOpenings(&state) }
      return state.doubt
    }
  }

  private func countOpenings(_ state: inout State) {
    guard state.doubt == nil else { return }
    switch clinux_count_openings(fifo.device, fifo.inode, direction == .write ? 0 : 1) {
    case 0, 1: break
    case 2: state.doubt = several
    default:
      state.doubt =
        "several processes have the FIFO open, and the kernel does not say (kcmp) whether one "
        + "\(peer) handed it on to the others"
    }
  }

  private var several: String {
    switch direction {
    case .write: "more than one process opened the FIFO to read, and each may have part of it"
    case .read: "more than one process opened the FIFO to write, and each may have given part of it"
    }
  }

  /// Takes all events that wait.
  private func take(_ state: inout State) {
    guard let descriptor else { return }
    var events = [UInt32](repeating: 0, count: 64)
    while true {
      let count = clinux_take_events(descriptor.rawValue, &events, Int32(events.count))
      if count < 0 {
        state.doubt =
          state.doubt ?? "the FIFO's events can't be read (inotify): \(Errno(rawValue: errno))"
      }
      guard count > 0 else { return }
      for event in events.prefix(Int(count)) { note(event, &state) }
    }
  }

  private func note(_ event: UInt32, _ state: inout State) {
    switch event {
    case CLINUX_OPENED.rawValue:
      state.opens += 1
      if state.isSettled || (state.hasBegun && state.opens > 1) {
        state.doubt = state.doubt ?? several
      }
    case moved where state.hasBegun || direction == .read: state.isSettled = true
    case closed where state.hasBegun || direction == .read: state.isSettled = true
    case closed: state.opens = max(0, state.opens - 1)
    case CLINUX_EVENTS_LOST.rawValue:
      state.doubt = state.doubt ?? "some of the FIFO's events were lost (inotify)"
    default: break
    }
  }
}
