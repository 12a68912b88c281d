#define _GNU_SOURCE
#include "Endpoints.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

int clinux_is_of_proc(int file) {
  struct statfs status;
  return fstatfs(file, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

int clinux_is_of_pipefs(int file) {
  struct statfs status;
  return fstatfs(file, &status) == 0 && status.f_type == PIPEFS_MAGIC;
}

int clinux_look_at(int directory, const char *name, int follow) {
  return openat(directory, name, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
}

int clinux_new_watch(void) { return inotify_init1(IN_NONBLOCK | IN_CLOEXEC); }

static const struct {
  unsigned ours;
  unsigned kernels;
} names[] = {
    {CLINUX_OPENED, IN_OPEN},
    {CLINUX_READ, IN_ACCESS},
    {CLINUX_WRITTEN, IN_MODIFY},
    {CLINUX_READER_CLOSED, IN_CLOSE_NOWRITE},
    {CLINUX_WRITER_CLOSED, IN_CLOSE_WRITE},
    {CLINUX_EVENTS_LOST, IN_Q_OVERFLOW},
};
enum { name_count = sizeof names / sizeof names[0] };

int clinux_watch(int watch, int file, unsigned events) {
  char path[32];
  unsigned mask = 0;
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  for (int i = 0; i < name_count - 1; i++) {
    if (events & names[i].ours) mask |= names[i].kernels;
  }
  return inotify_add_watch(watch, path, mask) == -1 ? -1 : 0;
}

int clinux_take_events(int watch, unsigned *events, int most) {
  /* A file that is itself watched is never named in its events. */
  struct inotify_event buffer[64];
  if (most > 64) most = 64;
  ssize_t size;
  do {
    size = read(watch, buffer, (size_t)most * sizeof buffer[0]);
  } while (size == -1 && errno == EINTR);
  if (size == -1) return errno == EAGAIN ? 0 : -1;
  int count = (int)((size_t)size / sizeof buffer[0]);
  for (int i = 0; i < count; i++) {
    events[i] = 0;
    for (int j = 0; j < name_count; j++) {
      if (buffer[i].mask & names[j].kernels) events[i] |= names[j].ours;
    }
  }
  return count;
}

/* Whether a descriptor of another process is open that way; only asked of those
 * that are the FIFO. */
static int is_open_for(const char *process, const char *number, int for_writing) {
  char path[600];
  char line[64];
  int is = 0;
  snprintf(path, sizeof path, "/proc/%s/fdinfo/%s", process, number);
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  while (fgets(line, sizeof line, file)) {
    if (strncmp(line, "flags:", 6) != 0) continue;
    int mode = (int)strtol(line + 6, NULL, 8) & O_ACCMODE;
    is = mode == O_RDWR || mode == (for_writing ? O_WRONLY : O_RDONLY);
  }
  fclose(file);
  return is;
}

int clinux_count_openings(dev_t device, ino_t inode, int for_writing) {
  DIR *processes = opendir("/proc");
  if (!processes) return 0;
  int count = 0;
  bool is_known = true;
  int first_process = 0;
  int first_number = 0;
  struct dirent *process;
  while (count < 2 && is_known && (process = readdir(processes))) {
    if (!isdigit((unsigned char)process->d_name[0])) continue;
    int id = atoi(process->d_name);
    if (id == getpid()) continue;
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/fd", process->d_name);
    DIR *descriptors = opendir(path);
    if (!descriptors) continue;
    struct dirent *descriptor;
    while (count < 2 && is_known && (descriptor = readdir(descriptors))) {
      struct stat status;
      if (fstatat(dirfd(descriptors), descriptor->d_name, &status, 0) != 0) continue;
      if (!S_ISFIFO(status.st_mode) || status.st_dev != device || status.st_ino != inode) continue;
      if (!is_open_for(process->d_name, descriptor->d_name, for_writing)) continue;
      int number = atoi(descriptor->d_name);
      if (count == 0) {
        count = 1;
        first_process = id;
        first_number = number;
      } else if (id != first_process) {
        /* A container may forbid this call. */
        long difference =
            syscall(SYS_kcmp, first_process, id, KCMP_FILE, first_number, number);
        if (difference > 0) count = 2;
        if (difference < 0 && errno != ESRCH && errno != EBADF) is_known = false;
      }
    }
    closedir(descriptors);
  }
  closedir(processes);
  return is_known ? count : -1;
}

unsigned clinux_major(dev_t device) { return major(device); }
unsigned clinux_minor(dev_t device) { return minor(device); }
