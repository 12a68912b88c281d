import Glibc
import Testing

extension Trait where Self == ConditionTrait {
  /// Device nodes can be made: not by everybody, and not in every container.
  static var canMakeDevices: Self {
    .enabled("needs the right to make device nodes") {
      system("(n=$(mktemp -u) && mknod $n b 7 0 && rm $n) 2>/dev/null") == 0
    }
  }
}
