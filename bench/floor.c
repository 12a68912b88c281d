/* The least that the same work takes: one process, and no server between.
 *
 *   floor copy IMAGE [SOCKET]   data by read and write, holes as zero pages by reference, into
 *                               standard output, a pipe made large, or by write into a socket
 *   floor write SIZE COUNT [PAUSE]
 *                               so many writes of so many bytes into such a pipe, each after so
 *                               many microseconds
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { most = 256 << 10, zeroes = 2 << 20 };

static char buffer[most];

static void put(int out, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t sent = write(out, bytes, count);
    if (sent < 0) err(1, "write");
    bytes += sent;
    count -= sent;
  }
}

/* Never touched but for reading, so it is the kernel's huge page of zeroes where there is one. */
static char *zero_pages(void) {
  char *start = mmap(NULL, 2 * zeroes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) err(1, "mmap");
  start += zeroes - (size_t)start % zeroes;
  madvise(start, zeroes, MADV_HUGEPAGE);
  return start;
}

static void put_zeroes(int out, int by_reference, off_t count) {
  static char *pages;
  if (!pages) pages = zero_pages();
  while (count > 0) {
    struct iovec part = {pages, count < zeroes ? count : zeroes};
    ssize_t sent = by_reference ? vmsplice(out, &part, 1, 0) : write(out, pages, part.iov_len);
    if (sent < 0) err(1, "zeroes");
    count -= sent;
  }
}

static void copy(int in, int out, int by_reference) {
  off_t end = lseek(in, 0, SEEK_END), at = 0;
  while (at < end) {
    off_t data = lseek(in, at, SEEK_DATA);
    if (data < 0) data = end;
    put_zeroes(out, by_reference, data - at);
    if (data == end) break;

    at = lseek(in, data, SEEK_HOLE);
    lseek(in, data, SEEK_SET);
    while (data < at) {
      ssize_t got = read(in, buffer, at - data < most ? at - data : most);
      if (got <= 0) err(1, "read");
      put(out, buffer, got);
      data += got;
    }
  }
}

static int connected(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int out = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(out, (struct sockaddr *)&address, sizeof address) < 0) err(1, "%s", path);
  return out;
}

static double microseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

/* Awake, as a server between two requests mostly is: its reader is the one that falls asleep. */
static void pause_for(double pause) {
  for (double end = microseconds() + pause; microseconds() < end;) continue;
}

int main(int argc, char **argv) {
  int is_copy = argc > 2 && !strcmp(argv[1], "copy");
  if (!is_copy && argc != 4 && argc != 5)
    errx(2, "usage: floor copy IMAGE [SOCKET] | floor write SIZE COUNT [PAUSE]");
  int out = is_copy && argc > 3 ? connected(argv[3]) : STDOUT_FILENO;
  if (out == STDOUT_FILENO) fcntl(out, F_SETPIPE_SZ, 1 << 20);

  if (is_copy) {
    int in = open(argv[2], O_RDONLY);
    if (in < 0) err(1, "%s", argv[2]);
    copy(in, out, out == STDOUT_FILENO);
  } else {
    size_t size = strtoul(argv[2], NULL, 10);
    if (size > most) errx(2, "%s: at most %d", argv[2], most);
    double pause = argc > 4 ? strtod(argv[4], NULL) : 0;
    for (long rest = strtol(argv[3], NULL, 10); rest > 0; rest--) {
      if (pause > 0) pause_for(pause);
      put(out, buffer, size);
    }
  }
}
