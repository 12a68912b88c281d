import Testing

@testable import StreamCore

@Suite("A stream that is read as a disk")
struct StreamedDiskTests {
  private static let letters = "abcdefghijklmnopqrstuvwxyz"

  @Test("gives its bytes in order, and takes no more from its source than was asked for")
  func inOrder() throws {
    var disk = TextDisk(Self.letters)
    #expect(try disk.text(0..<3) == "abc")
    #expect(disk.source.taken == 3)
    #expect(try disk.text(3..<26) == "defghijklmnopqrstuvwxyz")
    #expect(disk.position == 26)
    #expect(!disk.hasEnded, "nobody has asked for more")
  }

  @Test("drops what a jump passes by, but for what can be read again")
  func jump() throws {
    var disk = TextDisk(Self.letters, rewind: 4)
    #expect(try disk.text(10..<12) == "kl")
    #expect(disk.source.dropped == 6)
    #expect(try disk.text(8..<12) == "ijkl")
  }

  @Test("gives the newest bytes again, and goes on from there")
  func rewind() throws {
    var disk = TextDisk(Self.letters, rewind: 6)
    #expect(try disk.text(0..<10) == "abcdefghij")
    #expect(try disk.text(4..<10) == "efghij")
    #expect(try disk.text(7..<9) == "hi")
    #expect(try disk.text(9..<13) == "jklm")
    #expect(try disk.text(7..<13) == "hijklm")
    #expect(disk.store.count == 6)
  }

  @Test("refuses what went by, says what would have kept it, and goes on")
  func gone() throws {
    var disk = TextDisk(Self.letters, rewind: 2)
    #expect(try disk.text(0..<10) == "abcdefghij")
    #expect(throws: ReadError.gone(position: 10, neededRewind: 10)) { try disk.text(0..<1) }
    #expect(throws: ReadError.gone(position: 10, neededRewind: 3)) { try disk.text(7..<20) }
    #expect(disk.source.taken == 10)
    #expect(try disk.text(8..<12) == "ijkl")
  }

  @Test("refuses what lies behind its end, but gives what lies before")
  func end() throws {
    var disk = TextDisk("abcdef", rewind: 4)
    #expect(throws: ReadError.ended(at: 6)) { try disk.text(4..<8) }
    #expect(disk.hasEnded)
    #expect(try disk.text(4..<6) == "ef")
    #expect(throws: ReadError.ended(at: 6)) { try disk.text(6..<7) }
    #expect(throws: ReadError.ended(at: 6)) { try disk.text(100..<101) }
  }

  @Test("that a jump went to the end of has ended", arguments: [0, 3, 100] as [UInt64])
  func jumpPastTheEnd(rewind: UInt64) throws {
    var disk = TextDisk("abcdef", rewind: rewind)
    #expect(throws: ReadError.ended(at: 6)) { try disk.text(50..<51) }
    #expect(disk.position == 6)
    #expect(disk.hasEnded)
  }

  @Test("that pads has zeroes behind its end, however often they are read")
  func padding() throws {
    var disk = TextDisk("abcdef", rewind: 2, pads: true)
    #expect(try disk.text(3..<9) == "def...")
    #expect(try disk.text(100..<103) == "...")
    #expect(try disk.text(5..<8) == "f..")
    #expect(try disk.text(6..<7) == ".")
    #expect(throws: ReadError.gone(position: 6, neededRewind: 3)) { try disk.text(3..<9) }
    #expect(disk.position == 6)
  }

  @Test("of no bytes has ended with the first read")
  func empty() throws {
    var disk = TextDisk("")
    #expect(throws: ReadError.ended(at: 0)) { try disk.text(0..<1) }
    var padded = TextDisk("", pads: true)
    #expect(try padded.text(0..<3) == "...")
  }

  @Test("keeps what came before an interruption")
  func interrupted() throws {
    var disk = TextDisk(Self.letters, rewind: 8)
    disk.source.fault = (.interrupted, after: 5)
    #expect(throws: ReadError.interrupted) { try disk.text(0..<10) }
    #expect(disk.position == 5)
    #expect(try disk.text(0..<10) == "abcdefghij")
  }

  @Test("does not give what an interrupted jump passed by")
  func interruptedJump() throws {
    var disk = TextDisk(Self.letters, rewind: 4)
    #expect(try disk.text(0..<2) == "ab")
    disk.source.fault = (.interrupted, after: 3)
    #expect(throws: ReadError.interrupted) { try disk.text(20..<21) }
    #expect(disk.position == 5)
    #expect(try disk.text(1..<2) == "b")
    #expect(throws: ReadError.gone(position: 5, neededRewind: nil)) { try disk.text(2..<4) }
    #expect(try disk.text(5..<7) == "fg")
  }

  @Test("whose source has failed gives what is kept and nothing else")
  func broken() throws {
    var disk = TextDisk(Self.letters, rewind: 4)
    disk.source.fault = (.broken(Failure(errno: 5, reason: "bad")), after: 6)
    #expect(throws: ReadError.broken(Failure(errno: 5, reason: "bad"))) { try disk.text(0..<10) }
    #expect(throws: ReadError.broken(Failure(errno: 5, reason: "bad"))) { try disk.text(6..<7) }
    #expect(throws: ReadError.broken(Failure(errno: 5, reason: "bad"))) { try disk.text(20..<21) }
    #expect(disk.source.taken == 6)
    #expect(try disk.text(2..<6) == "cdef")
  }

  @Test("gives a read its bytes although they can't be kept, and says so to whoever comes back")
  func full() throws {
    var disk = TextDisk(Self.letters, rewind: 4, room: 2)
    #expect(try disk.text(0..<4) == "abcd")
    #expect(throws: ReadError.lost(CheckedStore.full)) { try disk.text(0..<4) }
    #expect(try disk.text(4..<6) == "ef")
    #expect(try disk.text(4..<6) == "ef")
  }

  @Test("keeps a window of any size over a jump of any size")
  func longJump() throws {
    let content = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
    var disk = TextDisk(content, rewind: 300_000)
    #expect(try disk.bytes(900_000..<900_001) == [content[900_000]])
    #expect(disk.source.dropped == 600_000)
    #expect(try disk.bytes(600_001..<950_000) == Array(content[600_001..<950_000]))
    #expect(disk.store.count == 300_000)
  }

  @Test("counts as dropped what a jump passed by, until it is read after all")
  func dropped() throws {
    var disk = TextDisk(Self.letters, rewind: 4)
    #expect(try disk.text(10..<12) == "kl")
    #expect(disk.takenBytes == 12)
    #expect(disk.droppedBytes == 10)
    #expect(try disk.text(9..<11) == "jk")
    #expect(disk.droppedBytes == 9)
    #expect(try disk.text(8..<26) == "ijklmnopqrstuvwxyz")
    #expect(disk.takenBytes == 26)
    #expect(disk.droppedBytes == 8)
    #expect(disk.refusedReads == 0)
  }

  @Test("counts as dropped nothing that was read twice, and no padding")
  func droppedNothing() throws {
    var disk = TextDisk("abcdef", rewind: 6, pads: true)
    #expect(try disk.text(0..<4) == "abcd")
    #expect(try disk.text(2..<9) == "cdef...")
    #expect(try disk.text(20..<22) == "..")
    #expect(disk.takenBytes == 6)
    #expect(disk.droppedBytes == 0)
  }

  @Test("counts as dropped what came for a read that failed, until it is read again")
  func droppedByFailure() throws {
    var disk = TextDisk(Self.letters, rewind: 8)
    disk.source.fault = (.interrupted, after: 5)
    #expect(throws: ReadError.interrupted) { try disk.text(0..<10) }
    #expect(disk.droppedBytes == 5)
    #expect(try disk.text(0..<10) == "abcdefghij")
    #expect(disk.droppedBytes == 0)
    #expect(disk.refusedReads == 0)
  }

  @Test("counts the reads it refused because their bytes had gone, and no others")
  func refused() throws {
    var disk = TextDisk(Self.letters, rewind: 4, room: 2)
    #expect(try disk.text(0..<4) == "abcd")
    #expect(throws: ReadError.lost(CheckedStore.full)) { try disk.text(0..<4) }
    #expect(disk.refusedReads == 1)
    #expect(try disk.text(4..<26) == "efghijklmnopqrstuvwxyz")
    #expect(throws: ReadError.ended(at: 26)) { try disk.text(26..<27) }
    #expect(disk.refusedReads == 1)
    #expect(throws: ReadError.self) { try disk.text(0..<1) }
    #expect(disk.refusedReads == 2)
  }

  @Test("forgets the oldest of too many ranges left out, and counts them as dropped for good")
  func tooManyLeftOut() {
    var account = ReadAccount(rewind: 100, remembering: 2)
    for start: UInt64 in [0, 10, 20] {
      account.notePassed(start..<start + 5, areZeroes: false)
      account.noteRead(start + 5..<start + 10, taking: start + 5..<start + 10)
    }
    account.noteRead(0..<5, taking: 30..<30)
    #expect(account.given == 15)
    account.noteRead(10..<15, taking: 30..<30)
    #expect(account.given == 20)
  }

  @Test("whose source knows its zeroes gives, drops and keeps them for nothing")
  func knownZeroes() throws {
    var disk = TextDisk(Array("abcd".utf8) + Array(repeating: 0, count: 20) + [7, 8], rewind: 8)
    disk.source.zeroes = [4..<24]
    disk.source.horizon = 100
    #expect(try disk.text(0..<6) == "abcd..")
    #expect(try disk.text(22..<25) == "..\u{7}")
    #expect(disk.droppedBytes == 0)
    #expect(disk.source.dropped == 0)
    #expect(try disk.text(17..<25) == ".......\u{7}")
    // The byte behind them alone takes room.
    #expect(disk.store.count == 1)
  }

  @Test("tells where its zeroes are: what is kept, what is known ahead, and padding")
  func extents() throws {
    var disk = TextDisk(
      Array("ab".utf8) + Array(repeating: 0, count: 10) + Array("cdefgh".utf8), rewind: 8,
      pads: true)
    disk.source.zeroes = [2..<12]
    disk.source.horizon = 100
    let all: [(Range<UInt64>, StreamExtent)] = [
      (0..<2, .data), (2..<12, .hole), (12..<18, .data), (18..<30, .hole),
    ]
    func expect(
      _ extents: [(range: Range<UInt64>, kind: StreamExtent)],
      _ expected: [(Range<UInt64>, StreamExtent)]
    ) {
      #expect(extents.map(\.range) == expected.map(\.0))
      #expect(extents.map(\.kind) == expected.map(\.1))
    }
    expect(try disk.extents(in: 0..<30, onlyFirst: false, alignment: 1), all)
    expect(try disk.extents(in: 3..<30, onlyFirst: true, alignment: 1), [(3..<12, .hole)])
    // A border in the middle of a unit would be rounded up by some.
    expect(
      try disk.extents(in: 0..<30, onlyFirst: false, alignment: 4),
      [(0..<4, .data), (4..<12, .hole), (12..<20, .data), (20..<30, .hole)])
    expect(
      try disk.extents(in: 0..<30, onlyFirst: false, alignment: 5),
      [(0..<5, .data), (5..<10, .hole), (10..<20, .data), (20..<30, .hole)])
    #expect(disk.position == 0)
    // What went by in one read may be anything.
    #expect(try disk.text(0..<14) == "ab..........cd")
    expect(
      try disk.extents(in: 0..<12, onlyFirst: false, alignment: 1), [(0..<12, .data)])
    #expect(try disk.text(14..<18) == "efgh")
    expect(
      try disk.extents(in: 16..<40, onlyFirst: false, alignment: 1),
      [(16..<18, .data), (18..<40, .hole)])
  }

  @Test("whose source knows no zeroes says that everything may be data")
  func unknownExtents() throws {
    var disk = TextDisk("ab....cd", rewind: 8, pads: true)
    #expect(try disk.extents(in: 0..<100, onlyFirst: false).map(\.range) == [0..<100])
    #expect(try disk.text(0..<9).count == 9)
    #expect(
      try disk.extents(in: 0..<100, onlyFirst: false, alignment: 1).map(\.range) == [
        0..<8, 8..<100,
      ])
  }
}
