import Foundation
import Glibc

/// A process that reads a stream into a file.
struct Reader {
  let child: Child
  let file: String

  /// How much it has read so far.
  var count: Int { fileSize(file) }

  /// Stops reading, with the FIFO open.
  func pause() async throws {
    // Stopped any earlier it would still be the shell, on its way to open the FIFO.
    try await eventually("the reader to open the FIFO") {
      text(of: "/proc/\(child.pid)/comm") != "sh\n"
    }
    child.signal(SIGSTOP)
  }

  func resume() { child.signal(SIGCONT) }

  /// Waits until it has seen the end of the stream.
  func end(within limit: Duration = .hang) async throws {
    guard try await child.exit(within: limit).isSuccess else {
      throw Sandbox.Missing(description: "the reader failed: \(child.errors)")
    }
  }
}

/// 0 where there is none.
func fileSize(_ path: String) -> Int {
  let attributes = try? FileManager.default.attributesOfItem(atPath: path)
  return (attributes?[.size] as? Int) ?? 0
}

extension Sandbox {
  /// Reads a FIFO with a shell command, into a file.
  ///
  /// - Parameter command: Reads its standard input and writes to its standard output: `cat`,
  ///   `sha256sum`, `zstd`, `pv -qL 4m` (slow), `head -c 1000000` (dies early), `sleep 60`
  ///   (takes nothing).
  @discardableResult
  func reader(_ command: String = "cat", of fifo: String, to name: String = "stream")
    async throws -> Reader
  {
    let file = path(name)
    // exec, so that signals reach the reader itself.
    let child = try await start(
      ["/bin/sh", "-c", "exec \(command) <'\(fifo)' >'\(file)'"])
    return Reader(child: child, file: file)
  }

  /// Listens on a UNIX socket and keeps what the first connection sends.
  func socketReader(_ name: String = "socket", to file: String = "stream") async throws
    -> (reader: Reader, socket: String)
  {
    let socket = path(name)
    let file = path(file)
    let child = try await start(
      ["socat", "-u", "UNIX-LISTEN:\(socket)", "OPEN:\(file),creat,trunc"])
    // The name is there before the socket listens: only the kernel's table knows.
    try await eventually("socat to listen") {
      text(of: "/proc/net/unix").split(separator: "\n").contains {
        $0.hasSuffix(" \(socket)") && $0.contains(" 00010000 ")
      }
    }
    return (Reader(child: child, file: file), socket)
  }
}
