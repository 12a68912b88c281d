/// A case as a test that can be pasted into a file.
func swiftCode(_ setup: Setup, _ steps: [Step]) -> String {
  """
  @Test("the claim goes here")
  func claim() {
    expectAgreement(
      \(setup.code),
      [
        \(steps.map(\.code).joined(separator: ",\n      ")),
      ])
  }
  """
}

extension Setup {
  var code: String {
    var arguments = ["disk: \(disk)"]
    if reorder > 0 { arguments.append("reorder: \(reorder)") }
    if rewind > 0 { arguments.append("rewind: \(rewind)") }
    if head > 0 { arguments.append("head: \(head)") }
    if room < .max { arguments.append("room: \(room)") }
    if remembered < 65_536 { arguments.append("remembered: \(remembered)") }
    return "Setup(\(arguments.joined(separator: ", ")))"
  }
}

extension Step {
  var code: String {
    switch self {
    case .write(let range, let fault): ".write(\(range)\(fault.lastArgument))"
    case .zero(let range, let fault): ".zero(\(range)\(fault.lastArgument))"
    case .flush(let fault): ".flush(\(fault.code))"
    case .forceUnitAccess: ".forceUnitAccess"
    case .read(let range): ".read(\(range))"
    case .extents(let range): ".extents(\(range))"
    case .finish(let fault): ".finish(\(fault.code))"
    }
  }
}

extension Fault {
  fileprivate var code: String { self == .none ? "" : ".\(self)" }
  fileprivate var lastArgument: String { self == .none ? "" : ", .\(self)" }
}
