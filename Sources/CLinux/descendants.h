#ifndef CLINUX_DESCENDANTS_H
#define CLINUX_DESCENDANTS_H

#include <stdbool.h>
#include <sys/types.h>

/* The processes that a process has started, and those that they have started, and so on, and the
 * members of its session, found in /proc. The process itself is not among them.
 *
 * Everything here may be called in a fork of a process with threads. */

/* Whether /proc shows the processes that this one can signal, by the same numbers. */
bool clinux_sees_processes(void);

/* Sends a signal to each descendant of a process. */
void clinux_signal_descendants(pid_t process, int number);

/* Stops all descendants of a process, and those that they start meanwhile. Returns when none of
 * them runs any more, so that no new one can appear. A process that can't be stopped within a
 * second (as it sleeps in the kernel, or belongs to another user) is left. */
void clinux_stop_descendants(pid_t process);

#endif
