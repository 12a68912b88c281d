#ifndef CNBDKIT_SHIM_H
#define CNBDKIT_SHIM_H

/* The callbacks that carry request flags (pread, zero, ...) are those of API
 * version 2; the header gives version 1 to those who ask for nothing. */
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

/* Swift can't call variadic C functions, and text of ours must never be read
 * as a format: hence "%s". */
static inline void cnbdkit_error(const char *message) {
  nbdkit_error("%s", message);
}

static inline void cnbdkit_debug(const char *message) {
  nbdkit_debug("%s", message);
}

/* Since nbdkit 1.34; weak, so that an older server can load the plugin too. */
extern void nbdkit_disconnect(int force) __attribute__((weak));

static inline int cnbdkit_disconnect(int force) {
  if (!nbdkit_disconnect)
    return -1;
  nbdkit_disconnect(force);
  return 0;
}

#endif
