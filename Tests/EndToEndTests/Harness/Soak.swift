import Glibc

/// `SOAK=1` asks for all there is instead of what `make check` has time for.
let isSoak = getenv("SOAK").map { String(cString: $0) } == "1"
