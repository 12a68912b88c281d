// swift-tools-version: 6.2

import PackageDescription

/// A library for LD_PRELOAD that lets the plugin's system calls fail: see Faults.c.
let package = Package(
  name: "Faults",
  products: [.library(name: "Faults", type: .dynamic, targets: ["Faults"])],
  targets: [.target(name: "Faults")]
)
