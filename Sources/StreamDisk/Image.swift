internal import FoundationEssentials
internal import Glibc
internal import SystemPackage

/// A disk image that is there: a file, a block device, or an export of an NBD server.
struct Image: Equatable {
  /// As the user gave it.
  let name: String
  /// As qemu-img takes it: no part of a file's name stands for a protocol.
  let location: String
  let format: String
  let size: UInt64

  var isExport: Bool { Self.isURI(name) }

  static func isURI(_ name: String) -> Bool {
    name.prefixMatch(of: /nbds?(\+[a-z]+)?:/) != nil
  }

  static func location(of name: String) -> String { isURI(name) ? name : absolute(name) }

  /// Asks qemu-img. Without a `format` qemu-img finds that out, and an image that leads to another
  /// file is refused: a raw disk may begin like an image that names any file of this host.
  static func find(_ name: String, format: String?) async throws(Failure) -> Image {
    let isURI = isURI(name)
    if !isURI, try FileStatus(name) == nil { throw Failure("\(name): no such file") }
    let location = location(of: name)
    let given = format ?? (isURI ? "raw" : nil)
    let (ended, output, errors) = try await Child.ask(
      ["qemu-img", "info", "--output=json"] + (given.map { ["-f", $0] } ?? []) + [location])
    guard ended.isSuccess, let info = try? Information(parsing: output) else {
      throw refusal(name, given, errors)
    }
    if given == nil, let other = info.otherFile(than: location) {
      throw Failure(
        "\(name): looks like \(info.format) that refers to '\(other)': if it is that, give "
          + "-f \(info.format), and -f raw if it is a raw disk")
    }
    guard info.virtualSize > 0 else { throw Failure("\(name): is empty: a disk has bytes") }
    return Image(
      name: name, location: location, format: given ?? info.format, size: info.virtualSize)
  }

  /// Refuses to replace an image that QEMU writes to, as a running guest's: the guest would go on
  /// with a file that has no name any more.
  static func checkIsNotInUse(_ name: String) throws(Failure) {
    guard
      let file = try? FileDescriptor.open(
        FilePath(name), .readOnly, options: [.nonBlocking, .closeOnExec])
    else { return }
    defer { try? file.close() }
    // Whoever writes to an image has a lock on this byte of it: RAW_LOCK_PERM_BASE and the number
    // of BLK_PERM_WRITE, in QEMU's block/file-posix.c (since 2.10).
    var lock = flock()
    (lock.l_type, lock.l_whence) = (Int16(F_WRLCK), Int16(SEEK_SET))
    (lock.l_start, lock.l_len) = (101, 1)
    let getLock: Int32 = 36  // F_OFD_GETLK
    guard fcntl(file.rawValue, getLock, &lock) == 0, lock.l_type != Int16(F_UNLCK) else {
      return
    }
    throw Failure("\(name): is in use by QEMU, which may write to it: give another name")
  }

  static func refusal(_ name: String, _ format: String?, _ errors: String) -> Failure {
    if let inUse = inUse(name, errors) { return inUse }
    let reason = lastLine(errors, of: "qemu-img") ?? "qemu-img can't read it"
    return Failure("\(name): \(reason)")
  }

  static func inUse(_ name: String, _ errors: String) -> Failure? {
    guard errors.contains("Failed to get") && errors.contains("lock") else { return nil }
    return Failure(
      "\(name): is in use by another process, which may write to it: stop that, or have it "
        + "export a snapshot over NBD and give its nbd: URI")
  }
}

/// What `qemu-img info --output=json` says.
struct Information: Decodable {
  struct Specific: Decodable {
    struct Content: Decodable {
      struct Extent: Decodable {
        var filename: String?
      }
      var dataFile: String?
      var extents: [Extent]?
      enum CodingKeys: String, CodingKey {
        case dataFile = "data-file"
        case extents
      }
    }
    var data: Content?
  }

  var format: String
  var virtualSize: UInt64
  var backing: String?
  var specific: Specific?

  enum CodingKeys: String, CodingKey {
    case format
    case virtualSize = "virtual-size"
    case backing = "backing-filename"
    case specific = "format-specific"
  }

  init(parsing text: [UInt8]) throws {
    self = try JSONDecoder().decode(Information.self, from: Data(text))
  }

  /// A file that the image takes bytes from besides its own.
  func otherFile(than location: String) -> String? {
    backing ?? specific?.data?.dataFile
      ?? specific?.data?.extents?.lazy.compactMap(\.filename).first { $0 != location }
  }
}

/// The last line that a program said, without its name.
func lastLine(_ text: String, of program: String) -> String? {
  guard
    let line = text.split(whereSeparator: \.isNewline).last(where: {
      !$0.allSatisfy(\.isWhitespace)
    })
  else { return nil }
  return String(line.hasPrefix("\(program): ") ? line.dropFirst(program.count + 2) : line)
}
