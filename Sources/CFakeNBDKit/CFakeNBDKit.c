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
#include <strings.h>
#include <time.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

/* MARK: Records */

struct lines {
  char **line;
  size_t count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lines errors, debugs, interned;
static _Thread_local int error_number;
static _Atomic unsigned shutdowns, disconnects;
static _Atomic int disconnect_was_forced;

static _Atomic int stdio_safe = 1, stopping = 0;
static _Atomic int64_t peer_pid = -1, peer_uid = -1, peer_gid = -1;
static unsigned char peer_name[128];
static size_t peer_name_length;
static char *directory;
static _Thread_local const char *client_export;
static _Thread_local int client_is_tls;

/* A test can't go on without memory. */
static void *must(void *memory) {
  if (!memory)
    abort();
  return memory;
}

static const char *append(struct lines *lines, const char *format, va_list arguments) {
  char *line;
  if (vasprintf(&line, format, arguments) < 0)
    abort();
  pthread_mutex_lock(&lock);
  lines->line = must(realloc(lines->line, (lines->count + 1) * sizeof *lines->line));
  lines->line[lines->count++] = line;
  pthread_mutex_unlock(&lock);
  return line;
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
  clear(&interned);
  peer_name_length = 0;
  free(directory);
  directory = NULL;
  pthread_mutex_unlock(&lock);
  error_number = 0;
  stdio_safe = 1;
  stopping = 0;
  peer_pid = peer_uid = peer_gid = -1;
  shutdowns = disconnects = 0;
  disconnect_was_forced = 0;
}

int fake_error_number(void) { return error_number; }
void fake_clear_error_number(void) { error_number = 0; }

const char *fake_error_line(size_t index) { return get(&errors, index); }
const char *fake_debug_line(size_t index) { return get(&debugs, index); }

unsigned fake_shutdowns(void) { return shutdowns; }
unsigned fake_disconnects(void) { return disconnects; }
int fake_disconnect_was_forced(void) { return disconnect_was_forced; }

int fake_stdio_safe(void) { return stdio_safe; }
int fake_stopping(void) { return stopping; }
void fake_set_stdio_safe(int safe) { stdio_safe = safe; }
void fake_set_stopping(int value) { stopping = value; }
void fake_set_directory(const char *path) {
  pthread_mutex_lock(&lock);
  free(directory);
  directory = must(strdup(path));
  pthread_mutex_unlock(&lock);
}

void fake_set_peer_pid(int64_t pid) { peer_pid = pid; }
void fake_set_peer_uid(int64_t uid) { peer_uid = uid; }
void fake_set_peer_gid(int64_t gid) { peer_gid = gid; }

void fake_set_peer_name(const void *address, size_t length) {
  pthread_mutex_lock(&lock);
  peer_name_length = !address ? 0 : length < sizeof peer_name ? length : sizeof peer_name;
  memcpy(peer_name, address ? address : "", peer_name_length);
  pthread_mutex_unlock(&lock);
}

void fake_set_client(const char *export_name, int is_tls) {
  client_export = export_name;
  client_is_tls = is_tls;
}

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

static int parsed(const char *what, const char *text, const char *end, int refused) {
  if (end != text && !*end && !errno && !refused)
    return 0;
  nbdkit_error("%s: could not parse number: \"%s\"", what, text);
  return -1;
}

int nbdkit_parse_int64_t(const char *what, const char *text, int64_t *result) {
  char *end;
  errno = 0;
  const int64_t number = strtoll(text, &end, 0);
  const int status = parsed(what, text, end, 0);
  if (status == 0)
    *result = number;
  return status;
}

int nbdkit_parse_uint64_t(const char *what, const char *text, uint64_t *result) {
  char *end;
  errno = 0;
  const uint64_t number = strtoull(text, &end, 0);
  const int status = parsed(what, text, end, strchr(text, '-') != NULL);
  if (status == 0)
    *result = number;
  return status;
}

int nbdkit_parse_bool(const char *text) {
  static const char *const words[] = {"0", "1",  "f", "t",   "n",     "y",
                                      "no", "yes", "off", "on", "false", "true"};
  for (size_t index = 0; index < sizeof words / sizeof *words; index++)
    if (strcasecmp(text, words[index]) == 0)
      return index % 2;
  nbdkit_error("could not decipher boolean (%s)", text);
  return -1;
}

/* The value itself, or the first line of the file behind a +. */
int nbdkit_read_password(const char *value, char **password) {
  *password = NULL;
  if (*value != '+' && *value != '-') {
    *password = must(strdup(value));
    return 0;
  }
  FILE *file = *value == '+' ? fopen(value + 1, "re") : NULL;
  size_t size = 0;
  const ssize_t length = file ? getline(password, &size, file) : -1;
  if (file)
    fclose(file);
  if (length < 0) {
    free(*password);
    *password = NULL;
    nbdkit_error("could not read password from file: %s", value + 1);
    return -1;
  }
  if (length > 0 && (*password)[length - 1] == '\n')
    (*password)[length - 1] = '\0';
  return 0;
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

char *nbdkit_realpath(const char *path) {
  char *real = realpath(path, NULL);
  if (!real)
    nbdkit_error("realpath: %s: %m", path);
  return real;
}

static const char *intern(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const char *copy = append(&interned, format, arguments);
  va_end(arguments);
  return copy;
}

const char *nbdkit_strdup_intern(const char *text) { return intern("%s", text); }

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

void nbdkit_shutdown(void) { shutdowns++; }

void nbdkit_disconnect(int force) {
  disconnects++;
  disconnect_was_forced = force;
}

static int64_t known(int64_t answer, const char *what) {
  if (answer < 0)
    nbdkit_error("the peer's %s is not known", what);
  return answer;
}

int64_t nbdkit_peer_pid(void) { return known(peer_pid, "process"); }
int64_t nbdkit_peer_uid(void) { return known(peer_uid, "user"); }
int64_t nbdkit_peer_gid(void) { return known(peer_gid, "group"); }

int nbdkit_peer_name(struct sockaddr *address, socklen_t *length) {
  pthread_mutex_lock(&lock);
  const size_t size = peer_name_length;
  memcpy(address, peer_name, size < *length ? size : *length);
  pthread_mutex_unlock(&lock);
  *length = size;
  return known(size ? 0 : -1, "address");
}

const char *nbdkit_export_name(void) {
  if (!client_export)
    nbdkit_error("there is no client at hand that has named an export");
  return client_export;
}

int nbdkit_is_tls(void) {
  if (!client_export)
    nbdkit_error("there is no client at hand");
  return client_export ? client_is_tls : -1;
}

/* MARK: Extents */

struct nbdkit_extents {
  uint64_t start, end;
  struct fake_extent *extent;
  size_t count;
};

struct nbdkit_extents *fake_extents_new(uint64_t start, uint64_t end) {
  struct nbdkit_extents *list = must(calloc(1, sizeof *list));
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

/* Those of a plugin's own. */
struct nbdkit_extents *nbdkit_extents_new(uint64_t start, uint64_t end) {
  if (start >= INT64_MAX || end > INT64_MAX || start > end) {
    nbdkit_error("the range of extents is too large");
    errno = ERANGE;
    return NULL;
  }
  return fake_extents_new(start, end);
}

void nbdkit_extents_free(struct nbdkit_extents *list) { fake_extents_free(list); }

size_t nbdkit_extents_count(const struct nbdkit_extents *list) { return list->count; }

/* Which is laid out as a struct nbdkit_extent; that one not every header has. */
struct fake_extent nbdkit_get_extent(const struct nbdkit_extents *list, size_t index) {
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
  list->extent = must(realloc(list->extent, (list->count + 1) * sizeof *list->extent));
  list->extent[list->count++] = (struct fake_extent){next, end - next, type};
  return 0;
}

/* MARK: Exports */

struct nbdkit_exports {
  char *default_export;
  struct fake_export *item;
  size_t count;
};

struct nbdkit_exports *fake_exports_new(const char *default_export) {
  struct nbdkit_exports *list = must(calloc(1, sizeof *list));
  list->default_export = default_export ? must(strdup(default_export)) : NULL;
  return list;
}

void fake_exports_free(struct nbdkit_exports *list) {
  while (list->count > 0) {
    const struct fake_export *item = &list->item[--list->count];
    free((char *)item->name);
    free((char *)item->description);
  }
  free(list->item);
  free(list->default_export);
  free(list);
}

size_t fake_exports_count(const struct nbdkit_exports *list) { return list->count; }

struct fake_export fake_exports_get(const struct nbdkit_exports *list, size_t index) {
  return list->item[index];
}

int nbdkit_add_export(struct nbdkit_exports *list, const char *name, const char *description) {
  if (strlen(name) > 4096 || (description && strlen(description) > 4096)) {
    nbdkit_error("export name or description too long");
    errno = EINVAL;
    return -1;
  }
  list->item = must(realloc(list->item, (list->count + 1) * sizeof *list->item));
  list->item[list->count++] =
      (struct fake_export){must(strdup(name)), description ? must(strdup(description)) : NULL};
  return 0;
}

int nbdkit_use_default_export(struct nbdkit_exports *list) {
  return list->default_export ? nbdkit_add_export(list, list->default_export, NULL) : 0;
}
