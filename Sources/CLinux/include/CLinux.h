#ifndef CLINUX_H
#define CLINUX_H

/* What Linux offers beyond POSIX, which Swift's Glibc module doesn't show as it is compiled without
 * _GNU_SOURCE, and what can't be written in Swift. Each function returns -1 with errno set on
 * failure, like the call that it stands for. */

#include <stddef.h>
#include <sys/types.h>

#include "Endpoints.h"
#include "Farewells.h"
#include "Signals.h"
#include "Supervisor.h"

/* Puts pages into a pipe by reference, never waiting (EAGAIN). The pages must not change until the
 * reader has read them, and nothing tells when that is: use it for constant memory only. */
ssize_t clinux_vmsplice(int pipe, const void *start, size_t count);

/* Moves bytes of a pipe elsewhere without copying them, never waiting for the pipe (EAGAIN). */
ssize_t clinux_splice(int pipe, int elsewhere, size_t count);

/* The capacity of a pipe in bytes; setting it returns what it became. */
int clinux_pipe_capacity(int pipe);
int clinux_set_pipe_capacity(int pipe, int bytes);

/* Bytes in a pipe that nobody has read. */
int clinux_unread_in_pipe(int pipe);

/* Memory in use by what was sent on a socket and not read: 0 if everything was read, otherwise more
 * than the bytes themselves. */
int clinux_unread_in_socket(int socket);

/* A file without a name in a directory, for reading and writing, gone with its last descriptor. */
int clinux_open_unnamed(const char *directory);

/* From now on a write beyond the largest size that files may have (RLIMIT_FSIZE) fails with EFBIG
 * and does not end the process. Programs that this process executes are not affected. */
int clinux_survive_file_size_limit(void);

/* Gives memory that was freed back to the system, as far as possible. */
void clinux_trim_heap(void);

/* How many processors this process may use. */
int clinux_usable_processors(void);

/* Gives a part of a file's room back to the disk; it reads as zeroes then. */
int clinux_punch(int file, off_t start, off_t count);

#endif
