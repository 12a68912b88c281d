// swift-tools-version: 6.2

import PackageDescription

/// The bar every target of ours clears; dependencies keep their own settings.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

let package = Package(
  name: "nbdkit-streaming-plugin",
  products: [
    .library(name: "nbdkit-streaming-plugin", type: .dynamic, targets: ["StreamingPlugin"]),
    .executable(name: "stream-disk", targets: ["StreamDisk"]),
    .library(name: "NBDKit", targets: ["NBDKit"]),
    .library(name: "NBDKitTestKit", targets: ["NBDKitTestKit"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(
      url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CNBDKit",
      pkgConfig: "nbdkit",
      providers: [.apt(["nbdkit-plugin-dev"]), .yum(["nbdkit-devel"])]),
    .systemLibrary(
      name: "CZstd", pkgConfig: "libzstd",
      providers: [.apt(["libzstd-dev"]), .yum(["libzstd-devel"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"]), .yum(["zlib-devel"])]),
    .systemLibrary(
      name: "CDeflate", pkgConfig: "libdeflate",
      providers: [.apt(["libdeflate-dev"]), .yum(["libdeflate-devel"])]),
    .systemLibrary(
      name: "CNettle", pkgConfig: "nettle",
      providers: [.apt(["nettle-dev"]), .yum(["nettle-devel"])]),
    .target(name: "CLinux"),
    .target(
      name: "NBDKit", dependencies: ["CNBDKit", systemPackage],
      // For a value that can't be kept beyond the call it is lent to: ~Escapable.
      swiftSettings: strict + [.enableExperimentalFeature("Lifetimes")]),
    .target(name: "StreamCore", swiftSettings: strict),
    .target(
      name: "StreamFormats", dependencies: ["CDeflate", "CNettle", "CZlib", "CZstd", "StreamCore"],
      swiftSettings: strict),
    .target(
      name: "StreamIO", dependencies: ["CLinux", "StreamCore", systemPackage],
      swiftSettings: strict),
    .target(
      name: "StreamingPlugin",
      dependencies: ["NBDKit", "StreamCore", "StreamFormats", "StreamIO", systemPackage],
      swiftSettings: strict),
    .executableTarget(
      name: "StreamDisk",
      dependencies: [
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Subprocess", package: "swift-subprocess"), systemPackage,
      ],
      swiftSettings: strict),

    .target(name: "CFakeNBDKit", dependencies: ["CNBDKit"]),
    .target(
      name: "NBDKitTestKit", dependencies: ["CFakeNBDKit", "CNBDKit", "NBDKit", systemPackage],
      swiftSettings: strict),
    .testTarget(
      name: "NBDKitTests",
      dependencies: ["NBDKit", "CNBDKit", "NBDKitTestKit", "CFakeNBDKit", systemPackage],
      swiftSettings: strict),
    .testTarget(name: "StreamCoreTests", dependencies: ["StreamCore"], swiftSettings: strict),
    .testTarget(
      name: "StreamFormatsTests",
      dependencies: ["CDeflate", "CZstd", "StreamFormats", "StreamCore", "TestSupport"],
      exclude: ["Scripts"],
      swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: [systemPackage], path: "Tests/TestSupport",
      swiftSettings: strict),
    .target(name: "CRefusal", path: "Tests/CRefusal"),
    .testTarget(
      name: "StreamIOTests",
      dependencies: [
        "StreamIO", "StreamCore", "CLinux", "TestSupport", "CRefusal", systemPackage,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "StreamingPluginTests",
      dependencies: [
        "StreamingPlugin", "StreamCore", "StreamFormats", "StreamIO", "NBDKit", "NBDKitTestKit",
        "CFakeNBDKit",
        "TestSupport", systemPackage,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "StreamDiskTests", dependencies: ["StreamDisk"], swiftSettings: strict),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [.product(name: "Subprocess", package: "swift-subprocess"), systemPackage],
      exclude: ["Scripts"],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

// What `make fuzz` builds: the fuzzer brings the main function, so there is no room for another
// one, and the tests' models become modules of their own.
if Context.environment["FUZZ"] != nil {
  func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
      name: name, dependencies: dependencies, path: "Tests/Fuzz/\(name)", swiftSettings: strict)
  }
  package.products = []
  package.targets.removeAll { $0.type == .test || $0.name == "StreamDisk" }
  package.targets += [
    .target(
      name: "Model", dependencies: ["StreamCore"], path: "Tests/StreamCoreTests/Support",
      exclude: ["Disagreement.swift"], swiftSettings: strict),
    .target(
      name: "Decoding", dependencies: ["StreamCore", "StreamFormats"],
      path: "Tests/StreamFormatsTests/Decoding/Support",
      exclude: ["Tool.swift", "Tool+Trait.swift"], swiftSettings: strict),
    .target(name: "FuzzInput", path: "Tests/Fuzz/FuzzInput", swiftSettings: strict),
    fuzzer("FuzzStream", ["FuzzInput", "Model", "StreamCore"]),
    fuzzer("FuzzReads", ["FuzzInput", "Model", "StreamCore"]),
    fuzzer("FuzzDecoder", ["CZstd", "Decoding", "StreamCore", "StreamFormats"]),
    fuzzer("FuzzParameters", ["StreamingPlugin", "CFakeNBDKit", "NBDKit", systemPackage]),
  ]
}
