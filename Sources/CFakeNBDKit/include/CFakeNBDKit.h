#ifndef CFAKENBDKIT_H
#define CFAKENBDKIT_H

/* nbdkit without the server: defines every nbdkit_* function that NBDKit calls,
 * so that a test binary links, records what a plugin reports through them, and
 * lets a test choose what they answer.
 *
 * As in nbdkit, the error number and the client at hand belong to a thread. All
 * else is one for the process and may be used from any thread. */

#include <stddef.h>
#include <stdint.h>

/* Forgets what was recorded and answers as at the start: standard input and
 * output safe, the server not stopping, the peer unknown, started in "/". */
void fake_reset(void);

/* MARK: What the plugin reported */

/* The number last given to nbdkit_set_error by this thread; 0 if none was. */
int fake_error_number(void);
void fake_clear_error_number(void);

/* What was printed since the last reset, oldest first: one entry for each call,
 * with no newline added. A line is valid until the next reset; NULL past the
 * last one. */
const char *fake_error_line(size_t index);
const char *fake_debug_line(size_t index);

/* nbdkit_shutdown: how often it was called. */
unsigned fake_shutdowns(void);

/* nbdkit_disconnect: how often it was called, and whether by force at last. */
unsigned fake_disconnects(void);
int fake_disconnect_was_forced(void);

/* MARK: What the server answers */

/* nbdkit_stdio_safe: 0 as with `nbdkit -s`. */
int fake_stdio_safe(void);
void fake_set_stdio_safe(int safe);

/* nbdkit_nanosleep: while not 0 it fails at once with ESHUTDOWN, and what sleeps
 * already wakes up. */
int fake_stopping(void);
void fake_set_stopping(int stopping);

/* nbdkit_absolute_path: the directory the server was started in. Copied. */
void fake_set_directory(const char *path);

/* nbdkit_peer_pid, _uid and _gid: -1 for one that is not known. */
void fake_set_peer_pid(int64_t pid);
void fake_set_peer_uid(int64_t uid);
void fake_set_peer_gid(int64_t gid);

/* nbdkit_peer_name: a struct sockaddr, copied; NULL for one that is not known.
 * At most 128 bytes. */
void fake_set_peer_name(const void *address, size_t length);

/* nbdkit_export_name and nbdkit_is_tls: what this thread's client asked for,
 * lent until the next call; NULL for no client. */
void fake_set_client(const char *export_name, int is_tls);

/* MARK: Extents */

struct nbdkit_extents;

struct fake_extent {
  uint64_t offset, length;
  uint32_t type;
};

/* The list nbdkit lends to `.extents`: start is the request's, end the disk's. */
struct nbdkit_extents *fake_extents_new(uint64_t start, uint64_t end);
void fake_extents_free(struct nbdkit_extents *);
size_t fake_extents_count(const struct nbdkit_extents *);
struct fake_extent fake_extents_get(const struct nbdkit_extents *, size_t index);

/* MARK: Exports */

struct nbdkit_exports;

struct fake_export {
  const char *name, *description;
};

/* The list nbdkit lends to `.list_exports`, with what nbdkit_use_default_export
 * adds to it: NULL for nothing. */
struct nbdkit_exports *fake_exports_new(const char *default_export);
void fake_exports_free(struct nbdkit_exports *);
size_t fake_exports_count(const struct nbdkit_exports *);
struct fake_export fake_exports_get(const struct nbdkit_exports *, size_t index);

/* MARK: The C header's own view */

/* sizeof (struct nbdkit_plugin) by the C compiler. */
size_t fake_plugin_size(void);

#endif
