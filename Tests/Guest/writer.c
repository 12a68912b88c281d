// The guest: the only program of a machine that has a kernel, a few modules and disks. It writes,
// zeroes, discards and syncs on every disk at random, and tells on its console how long each of
// that took and what failed.
//
// A line for each disk, four times a second:
//
//     guest DISK: OPERATIONS operations, ERRORS errors, MILLISECONDS ms
//
// The first two count from the start. The third is the longest operation that ended since the last
// line, or that has not ended yet: a disk that answers nothing shows as a number that grows.

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST_DISKS = 4, BLOCK = 4096, MOST_BLOCKS = 16 };

struct disk {
  char name[4];
  int descriptor;
  uint64_t blocks;
  atomic_ullong operations, errors;
  // Milliseconds: when the operation began that has not ended, or 0; the longest that has.
  atomic_ullong began, longest;
};

static uint64_t milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void insert(const char *path) {
  int module = open(path, O_RDONLY | O_CLOEXEC);
  if (module < 0 || syscall(SYS_finit_module, module, "", 0) != 0) perror(path);
  close(module);
}

static void *work(void *argument) {
  struct disk *disk = argument;
  unsigned seed = (unsigned)disk->name[2];
  uint64_t *data;
  // O_DIRECT wants it so.
  if (posix_memalign((void **)&data, BLOCK, BLOCK * MOST_BLOCKS) != 0) abort();
  for (uint64_t turn = 1;; turn++) {
    uint64_t count = 1 + (uint64_t)rand_r(&seed) % MOST_BLOCKS;
    uint64_t range[2] = {
      (uint64_t)rand_r(&seed) % (disk->blocks - count) * BLOCK, count * BLOCK};
    for (uint64_t word = 0; word < range[1] / sizeof *data; word++)
      data[word] = turn << 32 | (range[0] / 8 + word);

    atomic_store(&disk->began, milliseconds());
    int result;
    switch (rand_r(&seed) % 10) {
    case 0: result = ioctl(disk->descriptor, BLKDISCARD, range); break;
    case 1:
    case 2: result = ioctl(disk->descriptor, BLKZEROOUT, range); break;
    default:
      result =
          pwrite(disk->descriptor, data, range[1], (off_t)range[0]) == (ssize_t)range[1] ? 0 : -1;
    }
    if (result != 0) atomic_fetch_add(&disk->errors, 1);
    if (fdatasync(disk->descriptor) != 0) atomic_fetch_add(&disk->errors, 1);
    uint64_t took = milliseconds() - atomic_load(&disk->began);
    if (took > atomic_load(&disk->longest)) atomic_store(&disk->longest, took);
    atomic_store(&disk->began, 0);
    atomic_fetch_add(&disk->operations, 1);
    // Two processors' worth of emulation would tell more of the host than of the disk.
    usleep(4000);
  }
}

int main(void) {
  static struct disk disks[MOST_DISKS];
  int count = 0;

  mkdir("/dev", 0755);
  mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
  int console = open("/dev/console", O_RDWR);
  for (int descriptor = 0; descriptor < 3; descriptor++) dup2(console, descriptor);
  setvbuf(stdout, NULL, _IOLBF, 0);

  // Named in the order in which they need each other.
  struct dirent **modules;
  int found = scandir("/modules", &modules, NULL, alphasort);
  for (int index = 0; index < found; index++) {
    char path[300];
    snprintf(path, sizeof path, "/modules/%s", modules[index]->d_name);
    if (modules[index]->d_name[0] != '.') insert(path);
  }

  for (int index = 0; index < MOST_DISKS; index++) {
    struct disk *disk = &disks[count];
    char path[16];
    memcpy(disk->name, "vda", 4);
    disk->name[2] = (char)(disk->name[2] + index);
    snprintf(path, sizeof path, "/dev/%s", disk->name);
    disk->descriptor = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    uint64_t size;
    if (disk->descriptor < 0 || ioctl(disk->descriptor, BLKGETSIZE64, &size) != 0) break;
    disk->blocks = size / BLOCK;
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, disk) != 0) abort();
    count++;
  }

  for (;;) {
    usleep(250000);
    for (struct disk *disk = disks; disk < disks + count; disk++) {
      uint64_t longest = atomic_exchange(&disk->longest, 0), began = atomic_load(&disk->began);
      uint64_t now = milliseconds();
      if (began != 0 && now - began > longest) longest = now - began;
      printf("guest %s: %llu operations, %llu errors, %llu ms\n", disk->name,
        atomic_load(&disk->operations), atomic_load(&disk->errors), (unsigned long long)longest);
    }
    if (count == 0) printf("guest has no disk\n");
  }
}
