package import Testing

/// Bytes none of which is zero and whose period no buffer's size divides, so that one that is lost,
/// doubled or taken from elsewhere shows.
package func pattern(_ count: Int) -> [UInt8] {
  let period: [UInt8] = Array(1...251)
  var bytes: [UInt8] = []
  while bytes.count < count { bytes += period }
  return Array(bytes.prefix(count))
}

/// As `#expect(actual == expected)`, without the description of a difference between megabytes.
package func expectSame(
  _ actual: [UInt8], _ expected: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual != expected else { return }
  let offset = zip(actual, expected).prefix { $0.0 == $0.1 }.count
  Issue.record(
    "\(actual.count) bytes for \(expected.count), different from offset \(offset) on",
    sourceLocation: sourceLocation)
}
