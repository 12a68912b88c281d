#define _GNU_SOURCE
#include "CLinux.h"
#include "descendants.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between fork and exec, and in the supervisor, which is never anything but a fork, only what a
 * signal handler may call is called, as another thread may have held any lock at the fork. */

static void close_between(unsigned first, unsigned last) {
  if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
  /* Linux before 5.9. */
  long most = sysconf(_SC_OPEN_MAX);
  for (long number = first; number <= last && number < most; number++) close((int)number);
}

/* Closes all descriptors from `first` on except two, either of which may be -1. */
static void close_all_but(int one, int other, unsigned first) {
  int lower = one < other ? one : other;
  int higher = one < other ? other : one;
  if (lower >= 0) {
    close_between(first, (unsigned)lower - 1);
    first = (unsigned)lower + 1;
  }
  if (higher >= 0) {
    close_between(first, (unsigned)higher - 1);
    first = (unsigned)higher + 1;
  }
  close_between(first, UINT_MAX);
}

/* Becomes the command. The handlers are nbdkit's, and nbdkit ignores SIGPIPE; what else is ignored
 * is the user's wish (nohup). All signals are blocked until none can meet a handler. */
static _Noreturn void run(const struct clinux_command *command) {
  setpgid(0, 0);
  dup2(command->input, STDIN_FILENO);
  dup2(command->output, STDOUT_FILENO);
  dup2(command->errors, STDERR_FILENO);
  close_all_but(-1, -1, 3);
  for (int number = 1; number < NSIG; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 &&
        (action.sa_handler != SIG_IGN || number == SIGPIPE))
      signal(number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execl("/bin/sh", "sh", "-c", command->text, (char *)NULL);
  _exit(127);
}

/* What a supervisor knows; each supervisor is a process of its own. */
static int lifeline;
static pid_t shell;
static bool shell_has_ended;
/* Whether nothing is left of all that the command started: a process that loses its parent becomes
 * a child of the supervisor, so if the supervisor has no child it has no descendant either. */
static bool all_have_ended;
/* The shell's process group, or 0 once no process is left in it. */
static pid_t group;

static void tell(int32_t number) {
  send(lifeline, &number, sizeof number, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Takes note of what has ended. */
static void reap(void) {
  int status;
  pid_t ended;
  while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
    if (ended != shell) continue;
    shell_has_ended = true;
    tell(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  }
  all_have_ended = ended == -1 && errno == ECHILD;
  if (group != 0 && shell_has_ended && kill(-group, 0) == -1 && errno == ESRCH) group = 0;
}

static bool all_end_within(int milliseconds) {
  for (int waited = 0; waited < milliseconds; waited += 10) {
    reap();
    if (all_have_ended) return true;
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
  }
  reap();
  return all_have_ended;
}

/* Without /proc only the group is known. Members whose parents have ended are children of the
 * supervisor, so the group's number is not given to another group before it is noticed that this
 * one is empty. */
static void signal_group(int number) {
  if (group != 0) kill(-group, number);
}

/* Signals everything that the command started, and stops it first. So no new process appears
 * meanwhile, and no process sees another one end before its own signal has come: a shell would go
 * on to its next command. */
static void signal_all(int number) {
  if (!clinux_sees_processes()) {
    signal_group(SIGSTOP);
    signal_group(number);
    signal_group(SIGCONT);
    return;
  }
  clinux_stop_descendants(getpid());
  clinux_signal_descendants(getpid(), number);
  clinux_signal_descendants(getpid(), SIGCONT);
}

/* Ends everything that the command started, whatever group or session it is in. A process that may
 * not be signalled (sudo) is waited for, as its input must not end before it. */
static void end_all(int grace) {
  reap();
  if (all_have_ended) return;
  signal_all(SIGTERM);
  if (all_end_within(grace)) return;
  signal_all(SIGKILL);
  for (int pause = 10; !all_end_within(pause); signal_all(SIGKILL))
    if (pause < 1000) pause *= 2;
}

static void wake(int signal) { (void)signal; }

/* It runs in a session of its own: what a terminal sends is meant for nbdkit, and a command that
 * asks for a password there fails instead of being stopped. */
static _Noreturn void supervise(const struct clinux_command *command, int grace) {
  setsid();
  /* The name is not nbdkit's: pkill -KILL nbdkit is what this process is here for. */
  prctl(PR_SET_NAME, "stream-command");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGCHLD, wake);
  lifeline = command->lifeline;
  shell = fchdir(command->directory) == 0 ? fork() : -1;
  if (shell == 0) run(command);
  if (shell == -1) {
    tell(-errno);
    _exit(1);
  }
  setpgid(shell, shell);
  group = shell;
  close_all_but(lifeline, command->kept, 0);
  (void)!chdir("/");
  tell(shell);

  sigset_t but_children;
  sigfillset(&but_children);
  sigdelset(&but_children, SIGCHLD);
  bool is_complete = false;
  for (;;) {
    reap();
    if (is_complete && shell_has_ended) _exit(0);
    struct pollfd word = {.fd = lifeline, .events = POLLIN};
    if (ppoll(&word, 1, NULL, &but_children) <= 0) continue;
    char byte;
    if (recv(lifeline, &byte, 1, MSG_DONTWAIT) <= 0) break;
    is_complete = true;
    if (command->kept >= 0) close(command->kept);
  }
  if (!is_complete) end_all(grace);
  _exit(0);
}

pid_t clinux_supervise(const struct clinux_command *command, int grace) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t supervisor = fork();
  if (supervisor == 0) supervise(command, grace);
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return supervisor;
}

/* This waits until the supervisor is dead. The kernel then sends SIGHUP and SIGCONT to the process
 * group of its command, if a member of that group is stopped (setpgid(2)). A process that ends by
 * this is no longer an ancestor of its own children, so a child in another session would not be
 * found, and would stay stopped. The supervisor is not reaped yet, so that its number is not given
 * to another process. */
void clinux_kill_command(pid_t supervisor) {
  siginfo_t ended;
  while (waitid(P_PID, (id_t)supervisor, &ended, WEXITED | WNOWAIT) == -1 && errno == EINTR) {}
  if (!clinux_sees_processes()) return;
  clinux_stop_descendants(supervisor);
  clinux_signal_descendants(supervisor, SIGKILL);
}
