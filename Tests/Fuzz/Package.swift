// swift-tools-version: 6.2

import PackageDescription

let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

// A package of its own, for make fuzz: the fuzzer brings the main function, and what it watches has to
// be built for it. `project` leads to the sources, as a target's have to lie within its package.
let package = Package(
  name: "Fuzz",
  dependencies: [.package(url: "https://github.com/apple/swift-system", from: "1.8.1")],
  targets: [
    .systemLibrary(name: "CNBDKit", path: "project/Sources/CNBDKit", pkgConfig: "nbdkit"),
    .systemLibrary(name: "CZstd", path: "project/Sources/CZstd", pkgConfig: "libzstd"),
    .systemLibrary(name: "CZlib", path: "project/Sources/CZlib", pkgConfig: "zlib"),
    .systemLibrary(name: "CDeflate", path: "project/Sources/CDeflate", pkgConfig: "libdeflate"),
    .systemLibrary(name: "CNettle", path: "project/Sources/CNettle", pkgConfig: "nettle"),
    .target(name: "CLinux", path: "project/Sources/CLinux"),
    .target(
      name: "NBDKit", dependencies: ["CNBDKit", systemPackage], path: "project/Sources/NBDKit",
      swiftSettings: [.enableExperimentalFeature("Lifetimes")]),
    .target(name: "StreamCore", path: "project/Sources/StreamCore"),
    .target(
      name: "StreamFormats", dependencies: ["CDeflate", "CNettle", "CZlib", "CZstd", "StreamCore"],
      path: "project/Sources/StreamFormats"),
    .target(
      name: "StreamIO", dependencies: ["CLinux", "StreamCore", systemPackage],
      path: "project/Sources/StreamIO"),
    .target(
      name: "StreamingPlugin",
      dependencies: ["NBDKit", "StreamCore", "StreamFormats", "StreamIO", systemPackage],
      path: "project/Sources/StreamingPlugin"),
    .target(
      name: "CFakeNBDKit", dependencies: ["CNBDKit"], path: "project/Sources/CFakeNBDKit"),
    .target(
      name: "Model", dependencies: ["StreamCore"], path: "project/Tests/StreamCoreTests/Support",
      exclude: ["Disagreement.swift"]),
    .target(
      name: "Decoding", dependencies: ["StreamCore", "StreamFormats"],
      path: "project/Tests/StreamFormatsTests/Decoding/Support",
      exclude: ["Tool.swift", "Tool+Trait.swift"]),
    .target(name: "FuzzInput"),
    .executableTarget(name: "FuzzStream", dependencies: ["FuzzInput", "Model", "StreamCore"]),
    .executableTarget(name: "FuzzReads", dependencies: ["FuzzInput", "Model", "StreamCore"]),
    .executableTarget(
      name: "FuzzDecoder", dependencies: ["CZstd", "Decoding", "StreamCore", "StreamFormats"]),
    .executableTarget(
      name: "FuzzParameters",
      dependencies: ["StreamingPlugin", "CFakeNBDKit", "NBDKit", systemPackage]),
  ],
  swiftLanguageModes: [.v6]
)
