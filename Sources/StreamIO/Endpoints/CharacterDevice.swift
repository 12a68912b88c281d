public import StreamCore
import SystemPackage

/// A tape, `/dev/null` and the like.
public enum CharacterDevice {
  /// Opens a device, non-blocking if the device supports that.
  public static func open(
    _ path: String, for direction: Direction
  ) throws(Failure) -> OpenEndpoint {
    let file = try LocatedFile(path)
    guard file.status.kind == .characterDevice else { throw .replaced }
    do {
      return OpenEndpoint(try file.open(direction.accessMode), .device)
    } catch .staleNFSFileHandle {
      throw .replaced
    } catch {
      throw Failure(error, "the device can't be opened: \(error)")
    }
  }
}
