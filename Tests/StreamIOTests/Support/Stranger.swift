import Glibc
import SystemPackage

/// Some user who is nobody here.
let stranger: uid_t = 54_321

/// Does something with a stranger's rights. For exit tests only, as it concerns the whole process.
func asStranger<Result>(_ body: () throws -> Result) throws -> Result {
  guard seteuid(stranger) == 0 else { throw Errno(rawValue: errno) }
  defer { seteuid(0) }
  return try body()
}
