import Foundation
import Glibc
import SystemPackage
import Testing

@testable import StreamDisk

@Suite("A file beside its name")
struct PartFileTests {
  private let directory: String

  init() {
    directory = FileManager.default.temporaryDirectory
      .appending(path: "part-\(UInt64.random(in: 0...UInt64.max))").path()
    mkdir(directory, 0o700)
  }

  @Test("has a name that no other one has, also of the same process")
  func names() throws {
    let one = try PartFile(beside: "\(directory)/x")
    let two = try PartFile(beside: "\(directory)/x")
    #expect(one.path != two.path)
    try one.replace("\(directory)/x")
    try two.replace("\(directory)/y")
    #expect(try FileStatus("\(directory)/x")?.identity != FileStatus("\(directory)/y")?.identity)
  }

  @Test("gives no name to what has taken its place, and does not remove that")
  func replaced() throws {
    let part = try PartFile(beside: "\(directory)/x")
    let other = try PartFile(beside: "\(directory)/x")
    rename(other.path, part.path)
    #expect(throws: Errno.staleNFSFileHandle) { try part.replace("\(directory)/x") }
    #expect(throws: Errno.staleNFSFileHandle) { try part.take("\(directory)/x") }
    part.remove()
    #expect(access(part.path, F_OK) == 0)
    #expect(access("\(directory)/x", F_OK) != 0)
  }

  @Test("takes no name that something has, unless it is to replace it")
  func taken() throws {
    let old = try PartFile(beside: "\(directory)/x")
    try old.take("\(directory)/x")
    let new = try PartFile(beside: "\(directory)/x")
    #expect(throws: Errno.fileExists) { try new.take("\(directory)/x") }
    try new.replace("\(directory)/x")
  }
}
