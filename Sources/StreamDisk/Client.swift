internal import Glibc

/// The programs that copy between an image and the disk that nbdkit serves, as command lines in
/// which `$uri` is that disk.
enum Client {
  /// Copies an image to the disk. nbdcopy knows more kinds of NBD servers than qemu-img does.
  static func reading(_ image: Image, shows: Bool = true) -> [String] {
    if image.isExport, image.format == "raw", isInstalled("nbdcopy") {
      return ["nbdcopy"] + (shows ? ["--progress=1"] : []) + [image.name, "$uri"]
    }
    return ["qemu-img", "convert", "-n"] + (shows ? ["-p"] : [])
      + ["-f", image.format, "-O", "raw", image.location, "$uri"]
  }

  /// Copies the disk to an export or a block device that is there.
  static func writing(into name: String, format: String, shows: Bool = true) -> [String] {
    if flushes(name, format: format) {
      return ["nbdcopy", "--flush"] + (shows ? ["--progress=1"] : []) + ["$uri", name]
    }
    return ["qemu-img", "convert", "-n", "-t", "writeback"] + (shows ? ["-p"] : [])
      + ["-f", "raw", "-O", format, "$uri", Image.location(of: name)]
  }

  /// Whether an export is written by nbdcopy, which fails if the export can't be flushed.
  static func flushes(_ name: String, format: String?) -> Bool {
    Image.isURI(name) && (format ?? "raw") == "raw" && isInstalled("nbdcopy")
  }

  /// Copies the disk to a new file.
  static func making(_ path: String, format: String, shows: Bool = true) -> [String] {
    // A VHD is otherwise as large as its geometry, which is more than the disk.
    let exactly = format == "vpc" ? ["-o", "force_size=on"] : []
    return ["qemu-img", "convert"] + (shows ? ["-p"] : [])
      + ["-f", "raw", "-O", format] + exactly + ["$uri", path]
  }

  /// Compares the disk with an image.
  static func comparing(_ image: Image, shows: Bool = true) -> [String] {
    ["qemu-img", "compare"] + (shows ? ["-p"] : [])
      + ["-f", "raw", "-F", image.format, "$uri", image.location]
  }

  static func isInstalled(_ program: String) -> Bool {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    return path.split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
  }
}
