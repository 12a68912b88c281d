import Glibc
import Testing

extension Trait where Self == ConditionTrait {
  /// The tools a test can't do without: programs in the PATH, or one of the words in `special`.
  ///
  /// Where one is missing the test is skipped and says so. In CI (environment CI) it fails: there
  /// a skipped test would be one nobody ever runs.
  static func requires(_ tools: String...) -> Self {
    let missing = tools.filter { !isPresent($0) }
    return .enabled("not installed here: \(missing.joined(separator: ", "))") {
      if !missing.isEmpty, getenv("CI") != nil { throw MissingTools(names: missing) }
      return missing.isEmpty
    }
  }
}

private struct MissingTools: Error, CustomStringConvertible {
  let names: [String]
  var description: String { "missing in CI: \(names.joined(separator: ", "))" }
}

private func isPresent(_ tool: String) -> Bool {
  if let test = special[tool] { return test() }
  return searchPath.contains { access("\($0)/\(tool)", X_OK) == 0 }
}

/// nbdkit's own completion for bash.
let completionScript = "/usr/share/bash-completion/completions/nbdkit"

/// The object store that scripts/deps.sh installs if there is none.
let motoServer: String? = (["\(packageRoot)/build/venv/bin"] + searchPath.map(String.init))
  .map { "\($0)/moto_server" }.first { access($0, X_OK) == 0 }

/// The Python whose packages scripts/deps.sh installs by pip.
let pythonOfPip = "\(packageRoot)/build/venv/bin/python"

private let special: [String: @Sendable () -> Bool] = [
  "nbdkit-completion": { access(completionScript, R_OK) == 0 },
  "moto_server": { motoServer != nil },
  "sshd": { access("/usr/sbin/sshd", X_OK) == 0 },
  "plugin that compresses": {
    guard let plugin = try? Plugin.path() else { return false }
    return system("nbdkit '\(plugin)' --help | grep -q '^decompress='") == 0
  },
  "format readers": {
    let modules = "import dissect.hypervisor, oslo_utils, cryptography"
    return system("'\(pythonOfPip)' -c '\(modules)' 2>/dev/null") == 0
      && system("\(Client.python) -c 'import pyvmdk, pyvhdi' 2>/dev/null") == 0
  },
  "root": { geteuid() == 0 },
  // The distribution's Python is the one its modules belong to.
  "python3-jsonschema": { system("\(Client.python) -c 'import jsonschema' 2>/dev/null") == 0 },
  "python3-libnbd": { system("\(Client.python) -c 'import nbd' 2>/dev/null") == 0 },
]

private let searchPath: [Substring] =
  (getenv("PATH").map { String(cString: $0) } ?? "/usr/bin").split(separator: ":")
