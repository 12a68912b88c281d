import Glibc
import Testing

/// What no package brings but only the kernel or the container: its lack is no failure in CI.
extension Trait where Self == ConditionTrait {
  static var canMakeDevices: Self {
    .enabled("needs the right to make device nodes") {
      system("(n=$(mktemp -u) && mknod $n b 7 0 && rm $n) 2>/dev/null") == 0
    }
  }

  static var hasFUSE: Self {
    .enabled("needs /dev/fuse") { access("/dev/fuse", R_OK | W_OK) == 0 }
  }
}
