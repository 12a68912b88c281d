/* An nbdkit plugin that does nothing but write each request into standard output: what a stream
 * costs in C, without any of its care. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_REQUESTS

static int64_t size;
static int out;

static int config(const char *key, const char *value) {
  (void)key; /* size= alone is given */
  size = nbdkit_parse_size(value);
  return size < 0 ? -1 : 0;
}

static int get_ready(void) {
  out = dup(STDOUT_FILENO);
  fcntl(out, F_SETPIPE_SZ, 1 << 20);
  return out < 0 ? -1 : 0;
}

static void *open_disk(int readonly) {
  (void)readonly;
  return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t get_size(void *handle) {
  (void)handle;
  return size;
}

static int pread_disk(void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags) {
  (void)handle, (void)buf, (void)count, (void)offset, (void)flags;
  nbdkit_set_error(EIO);
  return -1;
}

static int pwrite_disk(
    void *handle, const void *buf, uint32_t count, uint64_t offset, uint32_t flags) {
  (void)handle, (void)offset, (void)flags;
  for (const char *rest = buf; count > 0;) {
    ssize_t sent = write(out, rest, count);
    if (sent < 0) return -1;
    rest += sent;
    count -= sent;
  }
  return 0;
}

static struct nbdkit_plugin plugin = {
    .name = "writeonly",
    .config = config,
    .get_ready = get_ready,
    .open = open_disk,
    .get_size = get_size,
    .pread = pread_disk,
    .pwrite = pwrite_disk,
};

NBDKIT_REGISTER_PLUGIN(plugin)
