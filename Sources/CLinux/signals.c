#define _GNU_SOURCE
#include "Signals.h"
#include "Farewells.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
enum { KINDS = sizeof numbers / sizeof *numbers };

static int kind_of(int number) {
  for (int kind = 0; kind < KINDS; kind++)
    if (numbers[kind] == number) return kind;
  return 0;
}

static int handle(int number, void (*handler)(int, siginfo_t *, void *), struct sigaction *before) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigemptyset(&action.sa_mask);
  return sigaction(number, &action, before);
}

/* MARK: In the process that waits */

/* The process that was started, while it may fork one that serves. */
static pid_t started;
/* The process that serves, if it is another one. */
static pid_t server;
/* How many signals of each kind came that had to be passed on. */
static atomic_int passed_on[KINDS];
/* Tells the parent the child's number, which a handler of pthread_atfork is not told. */
static int child_number[2] = {-1, -1};

/* Each signal is passed on with how many there were: a signal that finds the same one pending is
 * lost, but its number is not. */
static void pass_on(int number, siginfo_t *info, void *context) {
  (void)info;
  (void)context;
  int error = errno;
  union sigval count = {.sival_int = ++passed_on[kind_of(number)]};
  sigqueue(server, number, count);
  errno = error;
}

/* Takes SIGINT and SIGQUIT back from system(3), which ignores them while it waits. Nothing tells
 * when it does, so this looks for that; not for ever, as system may have failed. A signal that
 * comes before the look is lost: if it were held back, it would be blocked in the command too. */
static void *take_back(void *unused) {
  (void)unused;
  for (int turn = 0; turn < 4000; turn++) {
    struct sigaction interrupt, quit;
    sigaction(SIGINT, NULL, &interrupt);
    sigaction(SIGQUIT, NULL, &quit);
    if (interrupt.sa_handler == SIG_IGN && quit.sa_handler == SIG_IGN) {
      handle(SIGINT, pass_on, NULL);
      handle(SIGQUIT, pass_on, NULL);
      break;
    }
    nanosleep(&(struct timespec){.tv_nsec = 500 * 1000}, NULL);
  }
  return NULL;
}

static void start_taking_back(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all, before;
  if (pthread_attr_init(&attributes) != 0) return;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_create(&thread, &attributes, take_back, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
}

enum { LOOKED_AT = 1024 };
static bool was_open[LOOKED_AT];
/* What standard input and output were: nbdkit keeps copies for its command. */
static struct stat standard[2];

static bool is_closed_on_execution(int descriptor) {
  int flags = fcntl(descriptor, F_GETFD);
  return flags != -1 && flags & FD_CLOEXEC;
}

static void look_at_descriptors(void) {
  for (int descriptor = 0; descriptor < LOOKED_AT; descriptor++)
    was_open[descriptor] = fcntl(descriptor, F_GETFD) != -1;
  for (int number = 0; number < 2; number++)
    if (fstat(number, &standard[number]) == -1) standard[number].st_ino = 0;
}

static bool is_standard(int descriptor) {
  struct stat file;
  if (fstat(descriptor, &file) == -1) return false;
  for (int number = 0; number < 2; number++)
    if (file.st_ino == standard[number].st_ino && file.st_dev == standard[number].st_dev)
      return true;
  return false;
}

static void close_what_was_opened_since(void) {
  for (int descriptor = STDERR_FILENO + 1; descriptor < LOOKED_AT; descriptor++)
    if (!was_open[descriptor] && is_closed_on_execution(descriptor) && !is_standard(descriptor))
      close(descriptor);
}

/* nbdkit sets its handlers just before it forks, so a fork before that is made by a filter. */
static bool server_forks(void) {
  struct sigaction found;
  return started == getpid() && sigaction(SIGTERM, NULL, &found) == 0 &&
         found.sa_handler != SIG_DFL && found.sa_handler != SIG_IGN;
}

static void before_fork(void) {
  if (server_forks()) (void)!pipe2(child_number, O_CLOEXEC);
}

static void after_fork_in_child(void) {
  if (started == 0 || child_number[1] == -1) return;
  pid_t self = getpid();
  (void)!write(child_number[1], &self, sizeof self);
  close(child_number[0]);
  close(child_number[1]);
  child_number[0] = child_number[1] = -1;
}

static void after_fork_in_parent(void) {
  if (started != getpid() || child_number[1] == -1) return;
  close(child_number[1]);
  ssize_t count;
  do {
    count = read(child_number[0], &server, sizeof server);
  } while (count == -1 && errno == EINTR);
  close(child_number[0]);
  child_number[0] = child_number[1] = -1;
  /* There is no number: fork has failed. */
  if (count != sizeof server) return;
  started = 0;
  for (int kind = 0; kind < KINDS; kind++) handle(numbers[kind], pass_on, NULL);
  close_what_was_opened_since();
  start_taking_back();
}

int clinux_prepare_waiting(void) {
  started = getpid();
  look_at_descriptors();
  int error = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  errno = error;
  return error == 0 ? 0 : -1;
}

/* MARK: In the process that serves */

/* The process that waits for this one, or 0. */
static pid_t waiting;
static pid_t excused_sender;
/* How many signals of each kind came, directly from their sender and passed on. */
static atomic_int direct[KINDS], forwarded[KINDS];
static atomic_bool has_come;
/* True while the server's own handler runs. */
static atomic_bool is_being_told;
/* How many threads are asking the server something that it answers with a printed line once it has
 * been told to stop. */
static atomic_int asking;
/* How many signals there were when counting began. */
static int counted_before;
static int wakes = -1;
static struct sigaction servers[KINDS];

static void count(int number, siginfo_t *info) {
  int kind = kind_of(number);
  if (waiting != 0 && info->si_pid == waiting && info->si_code == SI_QUEUE)
    forwarded[kind] = info->si_value.sival_int;
  else if (info->si_pid == 0 || (info->si_pid != excused_sender && info->si_pid != waiting))
    direct[kind]++;
}

/* How long a client that has left may keep the server from stopping. */
enum { FAREWELL_MILLISECONDS = 1000 };
/* While one signal waits for that, other signals are no news to the server. */
static atomic_bool waits_for_farewells;

/* A signal to a whole process group comes twice: once directly and once passed on. */
static int count_all(void) {
  int sum = 0;
  for (int kind = 0; kind < KINDS; kind++) {
    int one = direct[kind], other = forwarded[kind];
    sum += one > other ? one : other;
  }
  return sum;
}

/* How long a client that stays may take to read the answers that it was sent. */
enum { ANSWER_SECONDS = 10 };
/* Whether nobody else has a use for the alarm. */
static bool has_alarm;

static void end_connections(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  (void)context;
  int error = errno;
  clinux_end_connections();
  errno = error;
}

static void count_and_serve(int number, siginfo_t *info, void *context) {
  int error = errno;
  count(number, info);
  if (!has_come) {
    if (atomic_exchange(&waits_for_farewells, true)) return;
    clinux_await_farewells(FAREWELL_MILLISECONDS);
  }
  /* The server hears of the signal first. If a waiting request were answered before that, its
   * connection would wait for the client's next request, for as long as the client stays. A thread
   * that asks the server at this moment is allowed to finish: none of them is the thread that was
   * interrupted, and all ask without waiting. */
  is_being_told = true;
  for (int turn = 0; asking > 0 && turn < 1000; turn++)
    nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
  struct sigaction *server = &servers[kind_of(number)];
  if (server->sa_flags & SA_SIGINFO)
    server->sa_sigaction(number, info, context);
  else if (server->sa_handler != SIG_DFL && server->sa_handler != SIG_IGN)
    server->sa_handler(number);
  clinux_cut_off_clients();
  if (count_all() > 1)
    clinux_end_connections();
  else if (has_alarm)
    alarm(ANSWER_SECONDS);
  has_come = true;
  is_being_told = false;
  waits_for_farewells = false;
  (void)!write(wakes, &(uint64_t){1}, sizeof(uint64_t));
  errno = error;
}

static void count_only(int number, siginfo_t *info, void *context) {
  (void)context;
  count(number, info);
}

int clinux_watch_termination(int is_waited_for) {
  if (is_waited_for && started != getpid()) waiting = started;
  started = 0;
  /* This is done once in a process, however often it is called in tests. */
  if (wakes == -1) wakes = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  clinux_find_listeners();
  for (int kind = 0; kind < KINDS; kind++) {
    struct sigaction found;
    /* A signal that nobody handles, as in a test, keeps its usual effect. */
    if (sigaction(numbers[kind], NULL, &found) == -1 || found.sa_handler == SIG_DFL ||
        found.sa_handler == SIG_IGN)
      continue;
    servers[kind] = found;
    handle(numbers[kind], count_and_serve, NULL);
  }
  struct sigaction found;
  has_alarm = sigaction(SIGALRM, NULL, &found) == 0 && found.sa_handler == SIG_DFL &&
              handle(SIGALRM, end_connections, NULL) == 0;
  if (waiting == 0) return 0;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  /* It may have ended before. */
  if (getppid() != waiting) kill(getpid(), SIGTERM);
  return 1;
}

/* A caller that asks while the server is being told waits until that is over. */
int clinux_was_terminated(void) {
  while (is_being_told) nanosleep(&(struct timespec){.tv_nsec = 100 * 1000}, NULL);
  return has_come;
}

int clinux_ask_server(int (*question)(void)) {
  sigset_t termination, before;
  sigemptyset(&termination);
  for (int kind = 0; kind < KINDS; kind++) sigaddset(&termination, numbers[kind]);
  pthread_sigmask(SIG_BLOCK, &termination, &before);
  asking++;
  int answer = !is_being_told && !has_come && question();
  asking--;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return clinux_was_terminated() ? 0 : answer;
}

int clinux_termination_descriptor(void) { return wakes; }

int clinux_catch_termination(pid_t excused) {
  excused_sender = excused;
  counted_before = count_all();
  return handle(SIGTERM, count_only, NULL) == -1 ? -1 : handle(SIGINT, count_only, NULL);
}

int clinux_terminations(void) { return count_all() - counted_before; }
