import Testing

@Suite(
  "A path that names a descriptor is that descriptor", .endToEnd, .requires("nbdkit", "nbdcopy"))
struct OwnDescriptorTests {
  private func run(_ script: String) async throws -> Child {
    let sandbox = try Sandbox.current()
    _ = try sandbox.image("image", size: 1.mib)
    let child = try await sandbox.start([
      "/bin/bash", "-c", "cd '\(sandbox.directory)'; plugin='\(try Plugin.path())'; \(script)",
    ])
    try await child.exit()
    return child
  }

  @Test(
    "for pipe=-, for a number, and for what a shell makes of >(command)",
    arguments: [
      "nbdkit -U - $plugin pipe=/dev/stdout size=1M --run 'nbdcopy image $uri' | cat >out",
      "nbdkit -U - $plugin pipe=/proc/self/fd/7 size=1M --run 'nbdcopy image $uri' 7>&1 | cat >out",
      "nbdkit -U - $plugin pipe=>(cat >out; touch end) size=1M --run 'nbdcopy image $uri'; "
        + "until test -e end; do sleep 0.1; done",
      "cat image | nbdkit -U - $plugin read=/dev/stdin size=1M --run 'nbdcopy $uri out'",
      "nbdkit -U - $plugin read=<(cat image) size=1M --run 'nbdcopy $uri out'",
    ])
  func used(script: String) async throws {
    let child = try await run(script)
    #expect(child.errors == "")
    expectEqual(try Sandbox.current().path("out"), try Sandbox.current().path("image"))
  }

  @Test(
    "but not one that standard error is too",
    arguments: [
      "nbdkit -U - $plugin pipe=- size=1M --run 'echo ran' 2>&1 | cat",
      "nbdkit -U - $plugin write-fd=7 size=1M --run 'echo ran' 7>&1 2>&1 | cat",
      "mkfifo fifo; cat fifo & nbdkit -U - $plugin fifo size=1M --run 'echo ran' 2>fifo; wait",
    ])
  func standardError(script: String) async throws {
    let child = try await run(script)
    #expect(child.output.contains("is standard error too, as after 2>&1"))
    #expect(!child.output.contains("ran"))
  }
}
