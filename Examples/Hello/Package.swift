// swift-tools-version: 6.2

import PackageDescription

let package = Package(
  name: "hello",
  products: [.library(name: "nbdkit-hello-plugin", type: .dynamic, targets: ["HelloPlugin"])],
  dependencies: [.package(name: "nbdkit-streaming-plugin", path: "../..")],
  targets: [
    .target(
      name: "HelloPlugin",
      dependencies: [.product(name: "NBDKit", package: "nbdkit-streaming-plugin")],
      // nbdkit closes a plugin when it ends, but a Swift runtime can't be unloaded.
      linkerSettings: [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "nodelete"])])
  ]
)
