/* Lets the plugin's system calls fail, and nobody else's: preloaded into nbdkit, it looks where
 * each call comes from, and leaves alone what nbdkit forks.
 *
 * FAULT="CALL ACTION WHICH", all three words:
 *   ACTION  the number of an error, or "short": a third of the bytes, at least one
 *   WHICH   N for the Nth call alone, N+ for it and all later ones, /N for one in N from the first
 *           on, !N for all but every Nth
 *
 * The first time it happens standard error is told "injected CALL", and "elsewhere" behind that
 * where the descriptor is neither a FIFO nor a socket, and so none of a stream's. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char wanted[32];
static char kind;
static unsigned long number;
/* 0 for a short count. */
static int error;
static atomic_ulong calls;
static pid_t process;

__attribute__((constructor)) static void read_environment(void) {
  char action[16], which[32];
  const char *fault = getenv("FAULT");
  process = getpid();
  if (fault == NULL || sscanf(fault, "%31s %15s %31s", wanted, action, which) != 3) return;
  error = atoi(action);
  kind = which[0] == '/' || which[0] == '!' ? which[0] : which[strlen(which) - 1];
  number = strtoul(which + (kind == '/' || kind == '!'), NULL, 10);
}

static int is_plugin(const void *caller) {
  Dl_info info;
  return dladdr(caller, &info) != 0 && strstr(info.dli_fname, "streaming-plugin") != NULL;
}

static int is_stream(int file) {
  struct stat status;
  return fstat(file, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

/* Whether this call, from `caller`, is one to fail. `file` is -1 where it has none. */
static int is_hit_at(const char *call, const void *caller, int file) {
  if (strcmp(call, wanted) != 0 || !is_plugin(caller) || getpid() != process) return 0;
  unsigned long count = ++calls;
  int hit = kind == '/'   ? count % number == 1
            : kind == '!' ? count % number != 0
            : kind == '+' ? count >= number
                          : count == number;
  if (hit) {
    static atomic_flag told = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&told))
      dprintf(STDERR_FILENO, "injected %s%s\n", call,
              file < 0 || is_stream(file) ? "" : " elsewhere");
  }
  return hit;
}

static int is_hit(const char *call, const void *caller) { return is_hit_at(call, caller, -1); }

/* What is always ready never says EAGAIN. */
static int is_file(int file) {
  struct stat status;
  return fstat(file, &status) == 0 && S_ISREG(status.st_mode);
}

static size_t a_third(size_t count) { return count > 3 ? count / 3 : count > 0; }

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* A call that fails as a whole. */
#define FAILING(result, failure, name, parameters, ...)                  \
  result name parameters {                                               \
    if (error != 0 && is_hit(#name, __builtin_return_address(0))) {      \
      errno = error;                                                     \
      return failure;                                                    \
    }                                                                    \
    return REAL(name)(__VA_ARGS__);                                      \
  }

/* A call that may also take `count` bytes or fewer. */
#define COUNTING(name, parameters, ...)                                  \
  ssize_t name parameters {                                              \
    if (!(error == EAGAIN && is_file(file)) &&                           \
        is_hit_at(#name, __builtin_return_address(0), file)) {           \
      if (error != 0) {                                                  \
        errno = error;                                                   \
        return -1;                                                       \
      }                                                                  \
      count = a_third(count);                                            \
    }                                                                    \
    return REAL(name)(__VA_ARGS__);                                      \
  }

COUNTING(write, (int file, const void *bytes, size_t count), file, bytes, count)
COUNTING(read, (int file, void *bytes, size_t count), file, bytes, count)
COUNTING(send, (int file, const void *bytes, size_t count, int flags), file, bytes, count, flags)
COUNTING(recv, (int file, void *bytes, size_t count, int flags), file, bytes, count, flags)
COUNTING(splice, (int file, off64_t *from, int other, off64_t *to, size_t count, unsigned flags),
         file, from, other, to, count, flags)
COUNTING(pwrite, (int file, const void *bytes, size_t count, off_t at), file, bytes, count, at)
COUNTING(pread, (int file, void *bytes, size_t count, off_t at), file, bytes, count, at)

ssize_t vmsplice(int file, const struct iovec *pages, size_t count, unsigned flags) {
  struct iovec part = pages[0];
  if (is_hit("vmsplice", __builtin_return_address(0))) {
    if (error != 0) {
      errno = error;
      return -1;
    }
    part.iov_len = a_third(part.iov_len);
  }
  return REAL(vmsplice)(file, &part, count, flags);
}

FAILING(int, -1, poll, (struct pollfd *files, nfds_t count, int timeout), files, count, timeout)
FAILING(pid_t, -1, waitpid, (pid_t child, int *status, int options), child, status, options)
FAILING(int, -1, shutdown, (int file, int how), file, how)
FAILING(int, -1, socket, (int domain, int type, int protocol), domain, type, protocol)
FAILING(int, -1, connect, (int file, const struct sockaddr *address, socklen_t size),
        file, address, size)
FAILING(int, -1, fsync, (int file), file)
FAILING(int, -1, ftruncate, (int file, off_t size), file, size)
FAILING(int, -1, fallocate, (int file, int mode, off_t at, off_t count), file, mode, at, count)
FAILING(int, -1, mkfifo, (const char *path, mode_t mode), path, mode)
FAILING(int, -1, unlink, (const char *path), path)
FAILING(int, -1, rename, (const char *old, const char *new), old, new)
FAILING(int, -1, munmap, (void *start, size_t size), start, size)
FAILING(int, -1, madvise, (void *start, size_t size, int advice), start, size, advice)
FAILING(void *, MAP_FAILED, mmap,
        (void *start, size_t size, int protection, int flags, int file, off_t at),
        start, size, protection, flags, file, at)

/* Linux lets go of the file whatever it says. */
int close(int file) {
  int result = REAL(close)(file);
  if (!is_hit("close", __builtin_return_address(0))) return result;
  errno = error;
  return -1;
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if (is_hit("open", __builtin_return_address(0))) {
    errno = error;
    return -1;
  }
  return REAL(open)(path, flags, mode);
}

/* Of fcntl, only what sets a pipe's capacity, as "fcntl". */
int fcntl(int file, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  if (command == F_SETPIPE_SZ && is_hit("fcntl", __builtin_return_address(0))) {
    errno = error;
    return -1;
  }
  return REAL(fcntl)(file, command, argument);
}
