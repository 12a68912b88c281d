import Testing

@Suite("A report that can't be written is refused before anything runs", .endToEnd)
struct BadReportPathTests {
  @Test(
    "and what is there is left alone", .requires("nbdkit"),
    arguments: [
      Refusal(
        "a missing directory", beside: ["pipe=new"], of: "report=missing/report", says: "missing"),
      Refusal(
        "a directory", where: "mkdir directory", beside: ["pipe=new"], of: "report=directory",
        says: "regular file"),
      Refusal(
        "a FIFO", where: "mkfifo fifo", beside: ["pipe=new"], of: "report=fifo",
        says: "regular file"),
      Refusal(
        "the endpoint", where: "mkfifo fifo", beside: ["pipe=fifo"], of: "report=fifo",
        says: "not a regular file"),
      Refusal(
        "the FIFO that would be made, spelled otherwise", beside: ["pipe=./new"], of: "report=new",
        says: "the stream's own name"),
      Refusal(
        "a file of the user", where: "echo mine >disk.raw", beside: ["pipe=new"],
        of: "report=disk.raw", says: "something other"),
      // As /dev/stdout is: root could remove it.
      Refusal(
        "a link to standard output", where: "ln -s /proc/self/fd/1 stdout", beside: ["pipe=new"],
        of: "report=stdout", says: "link"),
      Refusal("a device", beside: ["pipe=new"], of: "report=/dev/null", says: "regular file"),
      Refusal("a name of a directory", beside: ["pipe=new"], of: "report=new/", says: "slash"),
      Refusal("standard output", beside: ["pipe=new"], of: "report=-", says: "standard output"),
      Refusal(
        "a directory like /tmp", where: "mkdir -m 1777 shared", beside: ["pipe=new"],
        of: "report=shared/report", says: "anybody can make files"),
      Refusal(
        "a file for a directory", where: ": >file", beside: ["pipe=new"], of: "report=file/report",
        says: "directory"),
    ])
  func refused(_ refusal: Refusal) async throws { try await refusal.check() }
}
