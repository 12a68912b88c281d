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

#endif
