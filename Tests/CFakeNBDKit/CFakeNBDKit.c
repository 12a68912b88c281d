#define _GNU_SOURCE
#include "CFakeNBDKit.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

/* MARK: Records */

struct lines {
  char **line;
  size_t count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lines errors, debugs;
static _Thread_local int error_number;

static _Atomic int stdio_safe = 1, stopping = 0;
static _Atomic int64_t peer_pid = -1;
static char *directory;

static void append(struct lines *lines, const char *format, va_list arguments) {
  pthread_mutex_lock(&lock);
  lines->line = realloc(lines->line, (lines->count + 1) * sizeof *lines->line);
  if (!lines->line || vasprintf(&lines->line[lines->count], format, arguments) < 0)
    abort();
  lines->count++;
  pthread_mutex_unlock(&lock);
}

static const char *get(const struct lines *lines, size_t index) {
  pthread_mutex_lock(&lock);
  const char *line = index < lines->count ? lines->line[index] : NULL;
  pthread_mutex_unlock(&lock);
  return line;
}

static void clear(struct lines *lines) {
  while (lines->count > 0)
    free(lines->line[--lines->count]);
  free(lines->line);
  lines->line = NULL;
}

void fake_reset(void) {
  pthread_mutex_lock(&lock);
  clear(&errors);
  clear(&debugs);
  free(directory);
  directory = NULL;
  pthread_mutex_unlock(&lock);
  error_number = 0;
  stdio_safe = 1;
  stopping = 0;
  peer_pid = -1;
}

int fake_error_number(void) { return error_number; }
void fake_clear_error_number(void) { error_number = 0; }

const char *fake_error_line(size_t index) { return get(&errors, index); }
const char *fake_debug_line(size_t index) { return get(&debugs, index); }

void fake_set_stdio_safe(int safe) { stdio_safe = safe; }
void fake_set_stopping(int value) { stopping = value; }
void fake_set_directory(const char *path) {
  pthread_mutex_lock(&lock);
  free(directory);
  directory = strdup(path);
  pthread_mutex_unlock(&lock);
}

void fake_set_peer_pid(int64_t pid) { peer_pid = pid; }

size_t fake_plugin_size(void) { return sizeof(struct nbdkit_plugin); }

/* MARK: Reporting */

void nbdkit_error(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  append(&errors, format, arguments);
  va_end(arguments);
}

void nbdkit_debug(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  append(&debugs, format, arguments);
  va_end(arguments);
}

void nbdkit_set_error(int number) { error_number = number; }

/* MARK: Parsing */

/* A number with one of nbdkit's suffixes: b, k, M, G, T, P, E in either case, and
 * s for sectors. */
int64_t nbdkit_parse_size(const char *text) {
  static const char suffixes[] = "bkmgtpe";
  char *end;
  errno = 0;
  const long long number = strtoll(text, &end, 10);
  uint64_t unit = 1;
  const char *suffix = *end ? strchr(suffixes, tolower((unsigned char)*end)) : suffixes;
  if (suffix)
    unit <<= 10 * (suffix - suffixes);
  else if (tolower((unsigned char)*end) == 's')
    unit = 512;
  else
    errno = EINVAL;
  int64_t size;
  if (end == text || number < 0 || errno || (*end && end[1]) ||
      __builtin_mul_overflow((uint64_t)number, unit, &size)) {
    nbdkit_error("could not parse size string (%s)", text);
    return -1;
  }
  return size;
}

/* Not resolved, only made absolute. */
char *nbdkit_absolute_path(const char *path) {
  char *absolute;
  if (*path == '\0') {
    nbdkit_error("cannot convert null or empty path to an absolute path");
    return NULL;
  }
  if (*path == '/')
    return strdup(path);
  pthread_mutex_lock(&lock);
  if (asprintf(&absolute, "%s/%s", directory ? directory : "", path) < 0)
    abort();
  pthread_mutex_unlock(&lock);
  return absolute;
}

/* MARK: The process and its peer */

int nbdkit_stdio_safe(void) { return stdio_safe; }

int nbdkit_nanosleep(unsigned seconds, unsigned nanoseconds) {
  const uint64_t slice = 1000000;
  uint64_t left = seconds * UINT64_C(1000000000) + nanoseconds;
  while (!stopping && left > 0) {
    const uint64_t now = left < slice ? left : slice;
    nanosleep(&(struct timespec){.tv_nsec = (long)now}, NULL);
    left -= now;
  }
  if (!stopping)
    return 0;
  nbdkit_error("aborting sleep because of connection close or server shutdown");
  errno = ESHUTDOWN;
  return -1;
}

int64_t nbdkit_peer_pid(void) {
  if (peer_pid < 0)
    nbdkit_error("the peer's process is not known");
  return peer_pid;
}

/* MARK: Extents */

struct nbdkit_extents {
  uint64_t start, end;
  struct fake_extent *extent;
  size_t count;
};

struct nbdkit_extents *fake_extents_new(uint64_t start, uint64_t end) {
  struct nbdkit_extents *list = calloc(1, sizeof *list);
  if (!list)
    abort();
  list->start = start;
  list->end = end;
  return list;
}

void fake_extents_free(struct nbdkit_extents *list) {
  free(list->extent);
  free(list);
}

size_t fake_extents_count(const struct nbdkit_extents *list) { return list->count; }

struct fake_extent fake_extents_get(const struct nbdkit_extents *list, size_t index) {
  return list->extent[index];
}

/* Cuts what lies outside the list and refuses a gap or a step back, as nbdkit
 * does; unlike it, leaves equal neighbours apart. */
int nbdkit_add_extent(struct nbdkit_extents *list, uint64_t offset, uint64_t length,
                      uint32_t type) {
  const uint64_t next =
      list->count ? list->extent[list->count - 1].offset + list->extent[list->count - 1].length
                  : list->start;
  if (length == 0 || offset >= list->end)
    return 0;
  uint64_t end;
  if (__builtin_add_overflow(offset, length, &end) || end > list->end)
    end = list->end;
  if (list->count == 0 && end <= list->start)
    return 0;
  if (list->count ? offset != next : offset > next) {
    nbdkit_error("extents must be ascending and without gaps");
    errno = ERANGE;
    return -1;
  }
  list->extent = realloc(list->extent, (list->count + 1) * sizeof *list->extent);
  if (!list->extent)
    abort();
  list->extent[list->count++] = (struct fake_extent){next, end - next, type};
  return 0;
}
