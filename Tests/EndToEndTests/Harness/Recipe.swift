import Foundation
import Testing

/// One of the commands that README.md and the manual page tell users to type.
struct Recipe: Sendable, CustomTestStringConvertible {
  /// Its heading.
  let title: String
  /// Shell commands before it.
  var before = ":"
  /// Writes the disk that came of it, raw, to standard output.
  let result: String
  /// Files of the last run that it may only replace when it succeeds.
  let copies: [String]
  /// The programs at the other end of the stream.
  var ends: [String] = []
  /// What is at the other end is overwritten from the start, as a tape is.
  var isDestructive = false
  /// A FIFO that nobody has read yet waits for a reader: one that fails at once was none.
  var waitsForReader = false

  var testDescription: String { title }

  /// Its commands.
  var text: Substring? {
    let parts = Self.readme.components(separatedBy: "\n### \(title)\n")
    if parts.count > 1 { return parts.last?.firstMatch(of: /(?s)```sh\n(.*?)```/)?.1 }
    // In the manual page: the indented lines after its heading.
    let page = Self.examplesOfPage.components(separatedBy: "\n=head2 \(title)\n")
    let block = page.last?.components(separatedBy: "\n=head").first?
      .components(separatedBy: "\n\n").first { $0.hasPrefix(" ") || $0.hasPrefix("\n ") }
    return page.count > 1 ? block.map { Substring($0) } : nil
  }

  static let readme = EndToEndTests.text(of: "\(packageRoot)/README.md")

  static let examplesOfPage: String = {
    let page = (try? ManualPage.text()) ?? ""
    let section = page.components(separatedBy: "=head1 EXAMPLES\n").last ?? ""
    return section.components(separatedBy: "\n=head1 ").first ?? ""
  }()

  static let all = inReadme + inPage

  private static let inReadme = [
    Recipe(
      title: "Compress", result: "zstd -dc disk.raw.zst", copies: ["disk.raw.zst"], ends: ["cat"]),
    Recipe(
      title: "To another machine", result: "cat backup/disk.raw", copies: ["backup/disk.raw"],
      ends: ["ssh"]),
    Recipe(
      title: "Into an object store", result: "cat bucket/disk.raw", copies: ["bucket/disk.raw"],
      ends: ["aws"]),
    Recipe(
      title: "Checksum while passing",
      result: "zstd -dc disk.raw.zst | tee copy; sha256sum <copy | cmp - disk.raw.sha256",
      copies: ["disk.raw.zst", "disk.raw.sha256"], ends: ["zstd", "sha256sum"]),
    Recipe(
      title: "Onto a tape", result: "cat tape", copies: ["tape"], ends: ["dd"],
      isDestructive: true),
    Recipe(
      title: "Restore from a compressed stream",
      before: "zstd -q image -o disk.raw.zst; rm disk.qcow2",
      result: "qemu-img convert -f qcow2 -O raw disk.qcow2 restored; cat restored",
      copies: ["disk.qcow2"], ends: ["cat"]),
  ]

  /// What reads the FIFO that an example leaves to somebody else.
  private static let someReader = """
    (until [ -p disk.fifo ]; do sleep 0.05; done; cat disk.fifo >got) &
    """

  /// What writes to the socket of an example, which a QEMU would.
  private static let someClient = """
    (
      until [ -S disk.sock ]; do sleep 0.05; done
      export uri="nbd+unix:///?socket=$PWD/disk.sock"
      qemu-img convert -n -f qcow2 disk.qcow2 -O raw "$uri" ||
        qemu-io -f raw -c 'write 0 512' "$uri"
    ) &
    """

  private static let inPage = [
    Recipe(
      title: "Compress a disk and know that it is complete", result: "zstd -dc disk.raw.zst",
      copies: ["disk.raw.zst"], ends: ["cat"]),
    Recipe(
      title: "Leave the reader to somebody else", before: "cp image disk.raw; \(someReader)",
      result: "cat got", copies: [], ends: ["cat"], waitsForReader: true),
    Recipe(
      title: "Start the reader together with the client", result: "zstd -dc disk.raw.zst",
      copies: ["disk.raw.zst"], ends: ["zstd"], waitsForReader: true),
    Recipe(
      title: "Start the reader with bash", result: "zstd -dc disk.raw.zst",
      copies: ["disk.raw.zst"], ends: ["zstd"]),
    Recipe(
      title: "Restore a compressed disk and know that it was whole",
      before: "zstd -q image -o disk.raw.zst; rm disk.qcow2",
      result: "qemu-img convert -f qcow2 -O raw disk.qcow2 restored; cat restored",
      copies: ["disk.qcow2"], ends: ["zstd"]),
    Recipe(
      title: "Upload a whole disk or none", result: "cat bucket/disk.raw",
      copies: ["bucket/disk.raw"], ends: ["aws"]),
    Recipe(
      title: "Compress and encrypt, a whole disk or none", before: "echo secret >key",
      result: "openssl enc -d -aes-256-ctr -pbkdf2 -pass file:key -in disk.enc | zstd -dc",
      copies: ["disk.enc"], ends: ["zstd"]),
    Recipe(
      title: "Send to a UNIX socket", result: "cat copy.raw", copies: ["copy.raw"],
      ends: ["socat"]),
    Recipe(
      title: "Make a qcow2 image there", before: "cp image disk.raw; \(someReader)",
      result: "qemu-img convert -f qcow2 -O raw got restored; cat restored", copies: [],
      ends: ["cat"], waitsForReader: true),
    Recipe(
      title: "Back up a disk in use", before: someClient, result: "cat disk.raw",
      copies: ["disk.raw"], ends: ["cat"]),
  ]

  /// For what is not here (a plugin that is installed, another machine, an object store, a tape)
  /// and for what fails.
  static let standIns = """
    mkdir backup bucket bin
    PATH=$PWD/bin:$PATH
    more=()
    real() { PATH=${PATH#*:} command -v "$1"; }
    # PROGRAM: fails at once from now on, or when it has had or made a part.
    fail() { printf '#!/bin/sh\\nexit 9\\n' >bin/$1; chmod +x bin/$1; unset -f $1; }
    fail_late() {
      case $1 in
        qemu-img|nbdcopy) printf '#!/bin/sh\\n%s' "
          for last; do case \\$last in nbd*:*) uri=\\$last ;; esac; done
          case \\$* in *nbd*:*) ;; *) exec $(real $1) \\"\\$@\\" ;; esac
          case \\$* in
            *'-O qcow2'*) : >\\"\\$last\\" ;;
            *) PATH=${PATH#*:} qemu-io -f raw -c 'write -P 1 0 1M' \\"\\$uri\\" >/dev/null ;;
          esac
          exit 9
          " >bin/$1 ;;
        cat) printf '#!/bin/sh\\nhead -c 100000 "$@"\\nexit 9\\n' >bin/$1 ;;
        *) printf '#!/bin/sh\\nhead -c 100000\\nexit 9\\n' >bin/$1 ;;
      esac
      chmod +x bin/$1
      unset -f $1
    }
    # PROGRAM: does its work from now on, and fails then.
    fail_last() {
      case $1 in
        ssh|aws|dd) printf '#!/bin/sh\\ncat >/dev/null\\nexit 9\\n' >bin/$1 ;;
        *) printf '#!/bin/sh\\n%s "$@"\\nexit 9\\n' "$(real $1)" >bin/$1 ;;
      esac
      chmod +x bin/$1
      unset -f $1
    }
    nbdkit() {
      local word words=()
      for word; do [ "$word" != streaming ] || word=$plugin; words+=("$word"); done
      # Before --run, whose command is the last.
      local count=${#words[@]}
      command nbdkit "${more[@]}" "${words[@]:0:count}"
    }
    ssh() { (shift; cd backup; sh -c "$*"); }
    # The object is there once the input has ended.
    printf '#!/bin/sh\\nparts=$(mktemp -p .); cat >$parts; mv $parts bucket/disk.raw\\n' >bin/aws
    # A tape.
    printf '#!/bin/bash\\nexec %s "${@/#of=*/of=tape}"\\n' "$(real dd)" >bin/dd
    chmod +x bin/*
    """
}
