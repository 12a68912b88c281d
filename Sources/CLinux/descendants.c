#define _GNU_SOURCE
#include "descendants.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The fields of /proc/PID/stat that are needed. */
struct process {
  char state;
  pid_t parent;
  pid_t session;
};

/* The layout that the system call getdents64 gives. */
struct entry {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t kind;
  char name[];
};

/* A directory that is being read; readdir(3) would need memory from the heap. */
struct listing {
  int directory;
  long filled;
  long next;
  char buffer[8192] __attribute__((aligned(8)));
};

/* Reads a number at the start of a text, or 0; `text` then points behind it. */
static pid_t number_at(const char **text) {
  long number = 0;
  while (**text >= '0' && **text <= '9' && number < 100000000)
    number = number * 10 + (*(*text)++ - '0');
  return (pid_t)number;
}

static char *append(char *end, const char *text) { return stpcpy(end, text); }

static char *append_number(char *end, pid_t number) {
  char digits[12];
  int count = 0;
  do digits[count++] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  while (count > 0) *end++ = digits[--count];
  *end = 0;
  return end;
}

/* Reads a stat file. Its second field is the program's name in parentheses, which may hold
 * anything. */
static bool read_stat(int proc, const char *path, struct process *process) {
  char text[1024];
  int file = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t count = read(file, text, sizeof text - 1);
  close(file);
  if (count <= 0) return false;
  text[count] = 0;
  const char *rest = strrchr(text, ')');
  if (rest == NULL || rest[1] != ' ' || rest[2] == 0 || rest[3] != ' ') return false;
  process->state = rest[2];
  rest += 4;
  process->parent = number_at(&rest);
  if (*rest++ != ' ') return false;
  number_at(&rest); /* the group */
  if (*rest++ != ' ') return false;
  process->session = number_at(&rest);
  return true;
}

static bool look_at(int proc, pid_t number, struct process *process) {
  char path[64];
  append(append_number(path, number), "/stat");
  return read_stat(proc, path, process);
}

/* The next entry that is a number, or 0 at the end. */
static pid_t next_number(struct listing *listing) {
  for (;;) {
    if (listing->next >= listing->filled) {
      listing->filled =
          syscall(SYS_getdents64, listing->directory, listing->buffer, sizeof listing->buffer);
      listing->next = 0;
      if (listing->filled <= 0) return 0;
    }
    struct entry *entry = (struct entry *)(listing->buffer + listing->next);
    listing->next += entry->length;
    const char *name = entry->name;
    pid_t number = number_at(&name);
    if (number > 0 && *name == 0) return number;
  }
}

/* What a process is doing, as far as that matters for stopping it. */
enum activity { AT_REST, IN_KERNEL, RUNNING };

/* In uninterruptible sleep nothing of a program runs, and a stop that is on its way takes effect
 * before anything runs again. The sleep may last: a parent waits in that state for its vfork child,
 * which may have been stopped. */
static enum activity activity_of(char state) {
  if (strchr("TtZXx", state) != NULL) return AT_REST;
  return state == 'D' ? IN_KERNEL : RUNNING;
}

/* The same for all threads of a process. The state of the process is that of its first thread
 * alone. */
static enum activity activity_of_all(int proc, pid_t number) {
  char path[64];
  append(append_number(path, number), "/task");
  struct listing threads = {.directory = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (threads.directory < 0) return AT_REST;
  enum activity most = AT_REST;
  pid_t thread;
  while (most < RUNNING && (thread = next_number(&threads)) > 0) {
    struct process one;
    append(append_number(append(append_number(path, number), "/task/"), thread), "/stat");
    if (!read_stat(proc, path, &one)) continue;
    enum activity activity = activity_of(one.state);
    if (activity > most) most = activity;
  }
  close(threads.directory);
  return most;
}

static bool descends_from(int proc, pid_t number, pid_t root) {
  struct process process;
  if (number == root || !look_at(proc, number, &process)) return false;
  for (int steps = 0; steps < 10000; steps++) {
    if (process.session == root || process.parent == root) return true;
    if (process.parent <= 1) return false;
    /* A parent that is gone has left its child to another process. */
    if (!look_at(proc, process.parent, &process) && !look_at(proc, number, &process)) return false;
  }
  return false;
}

static int open_proc(void) { return open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }

bool clinux_sees_processes(void) {
  char target[16];
  ssize_t count = readlink("/proc/self", target, sizeof target - 1);
  if (count <= 0) return false;
  target[count] = 0;
  const char *text = target;
  return number_at(&text) == getpid();
}

/* All are found before the first is signalled: a parent that ends leaves its children to a process
 * that does not descend from the root. */
void clinux_signal_descendants(pid_t root, int number) {
  pid_t found[4096];
  size_t count = 0;
  struct listing processes = {.directory = open_proc()};
  if (processes.directory < 0) return;
  pid_t process;
  while (count < sizeof found / sizeof *found && (process = next_number(&processes)) > 0)
    if (descends_from(processes.directory, process, root)) found[count++] = process;
  close(processes.directory);
  while (count > 0) kill(found[--count], number);
}

/* Sends SIGSTOP to each descendant that has not stopped; returns whether none ran. */
static bool stop_once(pid_t root) {
  struct listing processes = {.directory = open_proc()};
  if (processes.directory < 0) return true;
  bool none_ran = true;
  pid_t process;
  while ((process = next_number(&processes)) > 0) {
    if (!descends_from(processes.directory, process, root)) continue;
    enum activity activity = activity_of_all(processes.directory, process);
    if (activity == AT_REST) continue;
    if (kill(process, SIGSTOP) == 0 && activity == RUNNING) none_ran = false;
  }
  close(processes.directory);
  return none_ran;
}

/* It must find nothing twice, as the parent of a process that was started during a search may have
 * ended during that search. */
void clinux_stop_descendants(pid_t root) {
  int quiet = 0;
  for (int tries = 0; quiet < 2 && tries < 1000; tries++) {
    quiet = stop_once(root) ? quiet + 1 : 0;
    if (quiet == 0) nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
  }
}
