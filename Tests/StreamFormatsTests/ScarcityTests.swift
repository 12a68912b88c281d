import Glibc
import StreamCore
import Testing

@testable import StreamFormats

@Suite("Memory and threads that are not there")
struct EncoderScarcityTests {
  @Test("are an error before anything is sent, with zstd")
  func zstd() async {
    await #expect(processExitsWith: .success) { try sendWithLittleMemory(.zstd) }
  }

  @Test("are an error before anything is sent, with gzip")
  func gzip() async {
    await #expect(processExitsWith: .success) { try sendWithLittleMemory(.gzip) }
  }
}

/// With address space for a few blocks and not for those of 64 threads.
private func sendWithLittleMemory(_ compression: Compression) throws {
  limitAddressSpace(addressSpace() + (200 << 20))
  var encoding = OutputEncoding(compression: compression, threads: 64)
  var refusal: TransferError?
  do throws(TransferError) {
    try EncodingSink(encoding, end: Recorder()).start()
  } catch {
    refusal = error
  }
  guard case .broken(let failure) = refusal else { fatalError("64 threads, no error") }
  precondition(failure.errno == ENOMEM && failure.reason.hasPrefix("no memory for "))
  // What was taken for them has been given back.
  encoding.threads = 1
  var sink = try EncodingSink(encoding, end: Recorder())
  try sink.start()
  var position: UInt64 = 0
  try sink.send(([1, 2, 3] as [UInt8]).span.bytes, advancing: &position)
  try sink.finish()
  precondition(Decoders.disk(in: sink.end.tape.bytes, compression) == [1, 2, 3])
}

private func addressSpace() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { fatalError("no /proc") }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 100)
  fgets(&line, 100, file)
  return strtol(&line, nil, 10) * 4096
}

private func limitAddressSpace(_ bytes: Int) {
  var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t(bytes))
  precondition(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
}
