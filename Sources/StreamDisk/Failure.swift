internal import SystemPackage

/// What the exit status says.
enum Status: Equatable {
  case whole, failed, usage, short
  case signal(Int32)

  var code: Int32 {
    switch self {
    case .whole: 0
    case .failed: 1
    case .usage: 2
    case .short: 3
    case .signal(let number): 128 + number
    }
  }
}

/// Why there is no success: one line for people, and the exit status.
struct Failure: Error, Equatable {
  let status: Status
  let message: String

  init(_ message: String, status: Status = .failed) {
    self.message = message
    self.status = status
  }

  /// A system call on `name` that failed.
  init(_ name: String, _ errno: Errno) {
    self.init("\(name): \(errno)")
  }

  static func usage(_ message: String) -> Failure {
    Failure(message, status: .usage)
  }
}
