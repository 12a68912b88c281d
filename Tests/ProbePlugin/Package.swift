// swift-tools-version: 6.2

import PackageDescription

// A package of its own: it uses NBDKit as any other package would, by the product.
let package = Package(
  name: "ProbePlugin",
  products: [.library(name: "ProbePlugin", type: .dynamic, targets: ["ProbePlugin"])],
  dependencies: [
    .package(name: "nbdkit-streaming-plugin", path: "../.."),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .target(
      name: "ProbePlugin",
      dependencies: [
        .product(name: "NBDKit", package: "nbdkit-streaming-plugin"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      // nbdkit closes a plugin at its end; a Swift runtime can't be unloaded.
      linkerSettings: [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "nodelete"])])
  ],
  swiftLanguageModes: [.v6]
)
