/// Which way the stream goes, seen from the server; the report calls it so too.
public enum Direction: String, Sendable {
  /// What clients write to the disk goes out.
  case write
}
