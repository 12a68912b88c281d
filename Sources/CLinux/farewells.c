#define _GNU_SOURCE
#include "Farewells.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

enum { CLIENTS = 64 };
/* One more than the descriptor; 0 where there is none. */
static atomic_int clients[CLIENTS];

int clinux_watch_client(int socket) {
  for (int place = 0; place < CLIENTS; place++) {
    int none = 0;
    if (atomic_compare_exchange_strong(&clients[place], &none, socket + 1)) return place;
  }
  return -1;
}

void clinux_forget_client(int place) {
  if (place >= 0 && place < CLIENTS) clients[place] = 0;
}

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
