import Glibc
public import SystemPackage

extension FileDescriptor {
  /// What has happened by now, in the bits of poll(2). `POLLERR` and `POLLHUP` need not be asked
  /// for. A signal does not hide it, though even a call that does not wait can be interrupted
  /// (`EINTR`).
  public func events(_ wanted: Int32 = 0) -> Int32 {
    var request = pollfd(fd: rawValue, events: Int16(wanted), revents: 0)
    var count: Int32
    repeat { count = poll(&request, 1, 0) } while count < 0 && errno == EINTR
    return count > 0 ? Int32(request.revents) : 0
  }
}
