import Glibc
import Testing

extension Trait where Self == ConditionTrait {
  /// Tools that a test can't do without. Where one is missing the test is skipped and says so; in
  /// CI (environment CI) it fails.
  static func tool(_ names: String...) -> Self {
    let missing = names.filter { !Tool.isThere($0) }
    return .enabled("not installed here: \(missing.joined(separator: ", "))") {
      if !missing.isEmpty, getenv("CI") != nil { throw MissingTools(names: missing) }
      return missing.isEmpty
    }
  }
}

private struct MissingTools: Error {
  let names: [String]
}
