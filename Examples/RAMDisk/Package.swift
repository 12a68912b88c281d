// swift-tools-version: 6.2

import PackageDescription

let package = Package(
  name: "ramdisk",
  products: [.library(name: "nbdkit-ramdisk-plugin", type: .dynamic, targets: ["RAMDiskPlugin"])],
  dependencies: [
    .package(name: "nbdkit-streaming-plugin", path: "../.."),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .target(
      name: "RAMDiskPlugin",
      dependencies: [
        .product(name: "NBDKit", package: "nbdkit-streaming-plugin"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      // nbdkit closes a plugin when it ends, but a Swift runtime can't be unloaded.
      linkerSettings: [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "nodelete"])]),
    .testTarget(
      name: "RAMDiskTests",
      dependencies: [
        "RAMDiskPlugin",
        .product(name: "NBDKitTestKit", package: "nbdkit-streaming-plugin"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
  ]
)
