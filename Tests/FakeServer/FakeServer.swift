@_exported import NBDKitTestKit

/// The kit's name for it is the first of the two.
public typealias Client = FakeClient
