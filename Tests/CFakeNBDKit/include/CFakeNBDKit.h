#ifndef CFAKENBDKIT_H
#define CFAKENBDKIT_H

/* nbdkit without the server: defines every nbdkit_* function that NBDKit calls,
 * so that a test binary links, records what a plugin reports through them, and
 * lets a test choose what they answer.
 *
 * As in nbdkit, the error number belongs to the thread that set it. All else is
 * one for the process and may be used from any thread. */

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

/* MARK: What the server answers */

/* nbdkit_stdio_safe: 0 as with `nbdkit -s`. */
void fake_set_stdio_safe(int safe);

/* nbdkit_nanosleep: while not 0 it fails at once with ESHUTDOWN, and what sleeps
 * already wakes up. */
void fake_set_stopping(int stopping);

/* nbdkit_absolute_path: the directory the server was started in. Copied. */
void fake_set_directory(const char *path);

/* nbdkit_peer_pid: -1 for a peer that is not known. */
void fake_set_peer_pid(int64_t pid);

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

/* MARK: The C header's own view */

/* sizeof (struct nbdkit_plugin) by the C compiler. */
size_t fake_plugin_size(void);

#endif
