import Glibc
import Testing

/// What no package brings but only the kernel or the container: its lack is no failure in CI.
extension Trait where Self == ConditionTrait {
  static var canMakeDevices: Self {
    .enabled("needs the right to make device nodes") {
      system("(n=$(mktemp -u) && mknod $n b 7 0 && rm $n) 2>/dev/null") == 0
    }
  }

  /// Docker's usual rules forbid it.
  static var hasKcmp: Self {
    .enabled("needs the right to call kcmp(2)") {
      system(
        """
        /usr/bin/python3 -c '
        import ctypes, os, platform, sys
        number = {"x86_64": 312, "aarch64": 272}[platform.machine()]
        sys.exit(ctypes.CDLL(None).syscall(number, os.getpid(), os.getppid(), 0, 0, 0) < 0)'
        """) == 0
    }
  }

  static var hasFUSE: Self {
    .enabled("needs /dev/fuse") { access("/dev/fuse", R_OK | W_OK) == 0 }
  }
}
