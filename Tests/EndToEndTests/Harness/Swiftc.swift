import Glibc

/// The compiler on its own, with the modules that `swift build --build-tests` leaves in the
/// package.
enum Swiftc {
  private static let products = "\(packageRoot)/.build/debug"
  private static let system = "\(packageRoot)/.build/checkouts/swift-system/Sources/CSystem/include"

  /// Searched for what `import` names.
  static let search = search(header: "\(packageRoot)/Sources/CNBDKit/module.modulemap")

  /// How NBDKit itself is compiled, see Package.swift, with nbdkit's header as a module map has it.
  static func binding(header: String) -> [String] {
    search(header: header) + [
      "-enable-experimental-feature", "Lifetimes", "-enable-upcoming-feature",
      "InternalImportsByDefault",
    ]
  }

  private static func search(header: String) -> [String] {
    [
      "-swift-version", "6", "-I", "\(products)/Modules", "-I", system,
      "-Xcc", "-fmodule-map-file=\(header)",
    ]
  }

  /// NBDKit's sources.
  static var sources: [String] {
    files(in: "\(packageRoot)/Sources/NBDKit").filter { $0.hasSuffix(".swift") }
  }

  /// What NBDKit needs linked in.
  static var objects: [String] {
    files(in: "\(products)/SystemPackage.build").filter { $0.hasSuffix(".o") }
      + files(in: "\(products)/CSystem.build").filter { $0.hasSuffix(".o") }
  }

  private static func files(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names.sorted().map { "\(directory)/\($0)" }
  }
}
