import CNettle
import StreamCore

/// SHA-256 of bytes as they pass, on a thread of its own if there is a processor for it.
///
/// The thread gets copies, a few at a time. The caller waits only if the thread is behind by all of
/// them, and then for one of them, less than 50 ms.
final class Digest: @unchecked Sendable {
  private static let pieceSize = 256 << 10
  private static let pieces = 4
  /// A limit, so that no wait for it is long.
  private static let mostZeroes: UInt64 = 32 << 20

  /// Bytes, or else zeroes, to be hashed.
  private final class Piece: @unchecked Sendable {
    let memory: Memory
    var count = 0
    var zeroes: UInt64 = 0
    init(_ memory: Memory) { self.memory = memory }
  }

  /// The state of the hash, used by one thread at a time.
  private final class Hash: @unchecked Sendable {
    private let state: UnsafeMutablePointer<sha256_ctx>
    private let memory: Memory
    private let zeroes: Memory

    init?() {
      guard let memory = Memory(count: MemoryLayout<sha256_ctx>.size),
        let zeroes = Memory(count: 64 << 10),
        let state = memory.bytes.bindMemory(to: sha256_ctx.self).baseAddress
      else { return nil }
      zeroes.bytes.initializeMemory(as: UInt8.self, repeating: 0)
      self.memory = memory
      self.zeroes = zeroes
      self.state = state
      nettle_sha256_init(state)
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
      nettle_sha256_update(
        state, bytes.count, bytes.bindMemory(to: UInt8.self).baseAddress)
    }

    func update(zeroes count: UInt64) {
      var rest = count
      while rest > 0 {
        let part = min(rest, UInt64(zeroes.bytes.count))
        update(UnsafeRawBufferPointer(rebasing: zeroes.bytes[..<Int(part)]))
        rest -= part
      }
    }

    /// The hash of everything until now; called once.
    func finished() -> [UInt8] {
      var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_SIZE))
      cnettle_sha256_digest(state, &digest)
      return digest
    }
  }

  private let hash: Hash
  private let workers: Workers?
  private let ring: [Piece]
  /// How many pieces were ever given to the thread, and ever seen to be hashed.
  private var given = 0
  private var taken = 0
  private var value: String?

  /// Takes all memory, and prepares a thread if there is to be one.
  init(aside: Bool) throws(TransferError) {
    guard let hash = Hash() else { throw noMemory(for: "a digest") }
    self.hash = hash
    var ring: [Piece] = []
    if aside {
      for _ in 0..<Self.pieces {
        guard let memory = Memory(count: Self.pieceSize) else { throw noMemory(for: "a digest") }
        ring.append(Piece(memory))
      }
    }
    self.ring = ring
    workers = aside ? Workers(slots: Self.pieces) : nil
  }

  deinit { workers?.stop() }

  /// Starts the thread, if there is to be one.
  func start() throws(TransferError) {
    guard let workers else { return }
    let started = workers.start(1) { [hash, ring] _, index in
      let piece = ring[index]
      hash.update(UnsafeRawBufferPointer(rebasing: piece.memory.bytes[..<piece.count]))
      hash.update(zeroes: piece.zeroes)
    }
    guard started else { throw noMemory(for: "a thread that makes a digest") }
  }

  /// Ends the thread.
  func stop() { workers?.stop() }

  func update(_ bytes: UnsafeRawBufferPointer) {
    guard workers != nil else { return hash.update(bytes) }
    var rest = bytes
    while !rest.isEmpty {
      let piece = nextPiece()
      piece.count = min(rest.count, Self.pieceSize)
      piece.zeroes = 0
      piece.memory.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<piece.count]))
      rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
      give()
    }
  }

  func update(zeroes count: UInt64) {
    guard workers != nil else { return hash.update(zeroes: count) }
    var rest = count
    while rest > 0 {
      let piece = nextPiece()
      piece.count = 0
      piece.zeroes = min(rest, Self.mostZeroes)
      rest -= piece.zeroes
      give()
    }
  }

  /// The digest of all bytes until now, as `sha256:` and 64 hexadecimal digits. After this only
  /// itself may be called.
  func finished() -> String {
    if let value { return value }
    while taken < given { takeBack() }
    let digits = Array("0123456789abcdef")
    let value =
      "sha256:"
      + String(hash.finished().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    self.value = value
    return value
  }

  private func nextPiece() -> Piece {
    if given - taken == Self.pieces { takeBack() }
    return ring[given % Self.pieces]
  }

  private func give() {
    given += 1
    workers?.give()
  }

  private func takeBack() {
    while workers?.isDone(taken % Self.pieces, waiting: 100) == false {}
    taken += 1
  }
}
