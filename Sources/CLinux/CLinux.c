#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

ssize_t clinux_vmsplice(int pipe, const void *start, size_t count) {
  struct iovec pages = {.iov_base = (void *)start, .iov_len = count};
  return vmsplice(pipe, &pages, 1, SPLICE_F_NONBLOCK);
}

ssize_t clinux_splice(int pipe, int elsewhere, size_t count) {
  return splice(pipe, NULL, elsewhere, NULL, count, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
}

int clinux_usable_processors(void) {
  cpu_set_t usable;
  /* More processors than the set has room for are more than anybody asks for. */
  return sched_getaffinity(0, sizeof usable, &usable) == -1 ? -1 : CPU_COUNT(&usable);
}

int clinux_pipe_capacity(int pipe) { return fcntl(pipe, F_GETPIPE_SZ); }

int clinux_set_pipe_capacity(int pipe, int bytes) {
  return fcntl(pipe, F_SETPIPE_SZ, bytes);
}

int clinux_unread_in_pipe(int pipe) {
  int bytes = 0;
  return ioctl(pipe, FIONREAD, &bytes) == -1 ? -1 : bytes;
}

int clinux_unread_in_socket(int socket) {
  int bytes = 0;
  return ioctl(socket, SIOCOUTQ, &bytes) == -1 ? -1 : bytes;
}

int clinux_open_unnamed(const char *directory) {
  int file;
  do {
    file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  } while (file == -1 && errno == EINTR);
  return file;
}

static void do_nothing(int signal) { (void)signal; }

int clinux_survive_file_size_limit(void) {
  struct sigaction action = {.sa_handler = do_nothing};
  sigemptyset(&action.sa_mask);
  return sigaction(SIGXFSZ, &action, NULL);
}

void clinux_trim_heap(void) { malloc_trim(0); }

int clinux_punch(int file, off_t start, off_t count) {
  return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, count);
}
