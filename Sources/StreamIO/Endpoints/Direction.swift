import SystemPackage

/// Which way the stream goes, seen from a client; the report uses the same words.
public enum Direction: String, Sendable {
  /// What clients write to the disk goes out.
  case write
  /// What comes in is what clients read.
  case read
}

extension Direction {
  var accessMode: FileDescriptor.AccessMode { self == .write ? .writeOnly : .readOnly }
}
