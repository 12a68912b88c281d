#ifndef CNBDKIT_SHIM_H
#define CNBDKIT_SHIM_H

/* The callbacks that carry request flags (pread, zero, ...) are those of API
 * version 2; the header gives version 1 to those who ask for nothing. */
#define NBDKIT_API_VERSION 2
#include <stddef.h>
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

/* Newer ones, weak for the same reason. The header of an older nbdkit has none of them. Where the
 * server has not, each of these returns -2 and does nothing. */
extern int nbdkit_parse_probability(const char *, const char *, double *) __attribute__((weak));
extern int nbdkit_parse_delay(const char *, const char *, unsigned *, unsigned *)
    __attribute__((weak));
extern char *nbdkit_peer_security_context(void) __attribute__((weak));
extern char *nbdkit_peer_tls_dn(void) __attribute__((weak));
extern char *nbdkit_peer_tls_issuer_dn(void) __attribute__((weak));
extern void nbdkit_debug_hexdump(const void *, size_t, const char *, uint64_t)
    __attribute__((weak));
extern void nbdkit_debug_hexdiff(const void *, const void *, size_t, const char *, uint64_t)
    __attribute__((weak));
extern const char *nbdkit_name(void) __attribute__((weak));
extern const char *nbdkit_timestamp(void) __attribute__((weak));

static inline int cnbdkit_parse_probability(const char *what, const char *text, double *value) {
  return nbdkit_parse_probability ? nbdkit_parse_probability(what, text, value) : -2;
}

static inline int cnbdkit_parse_delay(const char *what, const char *text, unsigned *seconds,
                                      unsigned *nanoseconds) {
  return nbdkit_parse_delay ? nbdkit_parse_delay(what, text, seconds, nanoseconds) : -2;
}

/* A text of the server's, or NULL with an error printed; returns whether it could be asked. */
static inline int cnbdkit_peer_security_context(char **text) {
  if (!nbdkit_peer_security_context)
    return -2;
  *text = nbdkit_peer_security_context();
  return 0;
}

static inline int cnbdkit_peer_tls_dn(char **text) {
  if (!nbdkit_peer_tls_dn)
    return -2;
  *text = nbdkit_peer_tls_dn();
  return 0;
}

static inline int cnbdkit_peer_tls_issuer_dn(char **text) {
  if (!nbdkit_peer_tls_issuer_dn)
    return -2;
  *text = nbdkit_peer_tls_issuer_dn();
  return 0;
}

static inline int cnbdkit_debug_hexdump(const void *bytes, size_t count, const char *prefix,
                                        uint64_t start) {
  if (!nbdkit_debug_hexdump)
    return -2;
  nbdkit_debug_hexdump(bytes, count, prefix, start);
  return 0;
}

static inline int cnbdkit_debug_hexdiff(const void *one, const void *other, size_t count,
                                        const char *prefix, uint64_t start) {
  if (!nbdkit_debug_hexdiff)
    return -2;
  nbdkit_debug_hexdiff(one, other, count, prefix, start);
  return 0;
}

/* A list of extents of one's own. Every server has these, but until 1.42 only the header for
 * filters says so. The structure has a name of ours, as a newer header has it too. */
struct cnbdkit_extent {
  uint64_t offset, length;
  uint32_t type;
};
extern struct nbdkit_extents *nbdkit_extents_new(uint64_t start, uint64_t end)
    __attribute__((weak));
extern void nbdkit_extents_free(struct nbdkit_extents *) __attribute__((weak));
extern size_t nbdkit_extents_count(const struct nbdkit_extents *) __attribute__((weak));
extern struct cnbdkit_extent cnbdkit_get_extent(const struct nbdkit_extents *, size_t)
    __asm__("nbdkit_get_extent") __attribute__((weak));

static inline int cnbdkit_has_extent_lists(void) {
  return nbdkit_extents_new && nbdkit_extents_free && nbdkit_extents_count && cnbdkit_get_extent;
}

static inline const char *cnbdkit_name(void) { return nbdkit_name ? nbdkit_name() : NULL; }

static inline const char *cnbdkit_timestamp(void) {
  return nbdkit_timestamp ? nbdkit_timestamp() : NULL;
}

#endif
