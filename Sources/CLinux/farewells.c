#define _GNU_SOURCE
#include "Farewells.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>
#include <netinet/in.h>

enum { CLIENTS = 64 };
/* One more than the descriptor; 0 if there is none. */
static atomic_int clients[CLIENTS];
static atomic_bool was_cut_off[CLIENTS];

int clinux_watch_client(int socket) {
  for (int place = 0; place < CLIENTS; place++) {
    int none = 0;
    if (atomic_compare_exchange_strong(&clients[place], &none, socket + 1)) return place;
  }
  return -1;
}

void clinux_forget_client(int place) {
  if (place < 0 || place >= CLIENTS) return;
  was_cut_off[place] = false;
  clients[place] = 0;
}

int clinux_was_cut_off(int place) { return place >= 0 && place < CLIENTS && was_cut_off[place]; }

static bool has_left(int socket) {
  struct pollfd request = {.fd = socket, .events = POLLRDHUP};
  int count;
  do count = poll(&request, 1, 0);
  while (count < 0 && errno == EINTR);
  return count > 0 && request.revents & (POLLRDHUP | POLLHUP);
}

static bool one_has_left(void) {
  for (int place = 0; place < CLIENTS; place++) {
    int socket = clients[place] - 1;
    if (socket != -1 && has_left(socket)) return true;
  }
  return false;
}

void clinux_await_farewells(int milliseconds) {
  while (milliseconds-- > 0 && one_has_left())
    nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
}

/* MARK: Clients that stay */

/* The addresses at which the server listens: each of its connections has one of them, too. */
struct address {
  socklen_t length;
  union {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    struct sockaddr_vm vsock;
    struct sockaddr_un local;
  };
};
enum { LISTENERS = 64, LOW = 1024, LOOKED_AT = 65536 };
static struct address listeners[LISTENERS];
static int listener_count;

static int descriptor_limit(int most) {
  long limit = sysconf(_SC_OPEN_MAX);
  return limit > 0 && limit < most ? (int)limit : most;
}

/* Finds the address of a stream socket with a name that listens, or of one that does not. */
static bool find_address(int descriptor, bool wants_listener, struct address *address) {
  int type, listens;
  socklen_t length = sizeof type;
  if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) == -1 || type != SOCK_STREAM)
    return false;
  length = sizeof listens;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == -1 ||
      (listens != 0) != wants_listener)
    return false;
  address->length = sizeof address->local;
  if (getsockname(descriptor, &address->any, &address->length) == -1) return false;
  /* The length of a path that fills all of it counts one byte more than there is (unix(7)). */
  if (address->length > sizeof address->local) address->length = sizeof address->local;
  return address->length > sizeof address->any.sa_family;
}

/* A listener may have an address that stands for all of the host's addresses. */
static bool is_of(const struct address *listener, const struct address *one) {
  if (listener->any.sa_family != one->any.sa_family) return false;
  switch (one->any.sa_family) {
    case AF_INET: return listener->ipv4.sin_port == one->ipv4.sin_port;
    case AF_INET6: return listener->ipv6.sin6_port == one->ipv6.sin6_port;
    case AF_VSOCK: return listener->vsock.svm_port == one->vsock.svm_port;
    case AF_UNIX:
      return listener->length == one->length &&
             memcmp(&listener->local, &one->local, one->length) == 0;
    default: return false;
  }
}

/* Listening sockets are among the first descriptors that a process opens. */
void clinux_find_listeners(void) {
  listener_count = 0;
  const int limit = descriptor_limit(LOW);
  for (int descriptor = 0; descriptor < limit && listener_count < LISTENERS; descriptor++)
    if (find_address(descriptor, true, &listeners[listener_count])) listener_count++;
}

static bool is_clients(int descriptor) {
  struct address address;
  if (!find_address(descriptor, false, &address)) return false;
  for (int number = 0; number < listener_count; number++)
    if (is_of(&listeners[number], &address)) return true;
  return false;
}

static void cut_off(int how) {
  for (int place = 0; place < CLIENTS; place++) {
    int socket = clients[place] - 1;
    /* One that was cut off before looks as if it had left. */
    if (socket == -1 || (!was_cut_off[place] && has_left(socket))) continue;
    was_cut_off[place] = true;
    /* One on the server's standard input has no address of a listener. */
    shutdown(socket, how);
  }
  const int limit = descriptor_limit(LOOKED_AT);
  for (int descriptor = 0; descriptor < limit; descriptor++)
    if (is_clients(descriptor)) shutdown(descriptor, how);
}

void clinux_cut_off_clients(void) { cut_off(SHUT_RD); }
void clinux_end_connections(void) { cut_off(SHUT_RDWR); }
