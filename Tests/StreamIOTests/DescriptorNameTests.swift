import Glibc
import StreamIO
import TestSupport
import Testing

@Suite("A path may name a descriptor that is open already")
struct DescriptorNameTests {
  @Test(arguments: [
    ("/dev/stdout", 1), ("/dev/stdin", 0), ("/dev/stderr", 2), ("/dev/fd/63", 63),
    ("/proc/self/fd/7", 7), ("/dev/fd/", nil), ("/dev/fd/7x", nil), ("/dev/null", nil),
    ("/dev/fd/99999999999", nil), ("/tmp/dev/stdout", nil),
  ])
  func number(path: String, number: Int32?) {
    #expect(InheritedDescriptor.number(named: path) == number)
  }
}
