#ifndef CLINUX_ENDPOINTS_H
#define CLINUX_ENDPOINTS_H

#include <sys/types.h>

/* Whether a file lies in the proc file system, whose symbolic links may lead where no path does. */
int clinux_is_of_proc(int file);

/* Whether a descriptor is that of a pipe without a name, which can be opened anew only by /proc. */
int clinux_is_of_pipefs(int file);

/* Opens a path relative to a directory, only for looking at it (O_PATH). For a symbolic link this
 * opens the link itself, unless `follow` says otherwise. */
int clinux_look_at(int directory, const char *name, int follow);

/* What other processes do with a file. */
enum clinux_event {
  CLINUX_OPENED = 1,
  CLINUX_READ = 2,
  CLINUX_WRITTEN = 4,
  CLINUX_READER_CLOSED = 8,
  CLINUX_WRITER_CLOSED = 16,
  CLINUX_EVENTS_LOST = 32,
};

/* Notes such events of `file` from now on, or changes which ones are noted. `watch` is what
 * clinux_new_watch returned. */
int clinux_new_watch(void);
int clinux_watch(int watch, int file, unsigned events);

/* Takes the oldest events, in order, without waiting, and returns how many were put into `events`.
 * Equal events in a row may be merged into one. */
int clinux_take_events(int watch, unsigned *events, int most);

/* In how many ways other processes have a FIFO open for reading (or for writing), as far as this
 * process may see them: at most 2, which means several. A descriptor that was handed on counts
 * once. Returns -1 if several processes have it open and the kernel does not say whether it was
 * handed on. */
int clinux_count_openings(dev_t device, ino_t inode, int for_writing);

/* The two parts of a device's number. */
unsigned clinux_major(dev_t device);
unsigned clinux_minor(dev_t device);

#endif
