import CDeflate
import CNettle
import CZstd

/// The versions of the loaded libraries that compress and hash.
public enum Libraries {
  /// libzstd's version, `1.5.4`.
  public static var zstd: String { String(cString: ZSTD_versionString()) }

  /// libdeflate's version, `1.14`. It is the version of its header, as the library itself doesn't
  /// tell.
  public static var deflate: String { LIBDEFLATE_VERSION_STRING }

  /// Nettle's version, `3.8`.
  public static var nettle: String { "\(nettle_version_major()).\(nettle_version_minor())" }
}
