import CFakeNBDKit
import Glibc
import NBDKit
import SystemPackage

@testable import StreamingPlugin

/// Takes each line, KEY=VALUE, as a parameter, and traps where something wrong is accepted or an
/// error does not name what it is about.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // What was duplicated for write-fd= stays open in a server that is about to start.
  defer { for descriptor: CInt in 20..<80 { close(descriptor) } }
  var parameters = Parameters()
  var endpoints = 0
  for line in UnsafeBufferPointer(start: start, count: count).split(separator: UInt8(ascii: "\n")) {
    let words = line.split(separator: UInt8(ascii: "="), maxSplits: 1).map {
      String(decoding: $0, as: UTF8.self)
    }
    guard words.count == 2 else { continue }
    do {
      try parameters.take(words[0], words[1])
      if isEndpoint(words[0]) { endpoints += 1 }
    } catch {
      // The text of a command may be a secret, and so may what was mistyped.
      let isNamed = error.message.hasPrefix("\(words[0]): ")
      let isQuoted = error.message.hasPrefix("\(words[0])=\(words[1]): ")
      precondition(isNamed || isQuoted && !words[0].hasSuffix("-command"), error.message)
      return 0
    }
  }
  precondition(endpoints <= 1)
  precondition(parameters.size != 0)
  do {
    try parameters.check()
    precondition(endpoints == 1 && parameters.endpoint != nil)
  } catch {
    precondition(!error.message.isEmpty)
  }
  return 0
}

private func isEndpoint(_ key: String) -> Bool {
  key == "pipe" || key.hasPrefix("write") || key.hasPrefix("read")
}
