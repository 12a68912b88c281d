#ifndef CLINUX_SUPERVISOR_H
#define CLINUX_SUPERVISOR_H

#include <sys/types.h>

/* What a shell command is started with. Every descriptor is 3 or higher, or -1 for none. */
struct clinux_command {
  const char *text; /* for /bin/sh -c */
  int directory;    /* the directory it runs in */
  int input;        /* its standard input, output and error */
  int output;
  int errors;
  int kept;     /* a pipe's writing end that the supervisor keeps open, see below */
  int lifeline; /* the supervisor's end of a stream socket; the caller holds the other */
};

/* Starts a command in a process group of its own, under a supervisor: a child of this process that
 * survives it, and whose process number is returned.
 *
 * The supervisor sends 32-bit numbers: at once the number of the command's process and group, or a
 * negative errno if there is none; later how the command ended, as a shell tells it (its exit status,
 * or 128 and the number of a signal).
 *
 * A byte sent to it means that the stream is complete: it closes its copy of the pipe, so that with
 * the caller's the command's input ends, and exits when the command has. If the lifeline ends without
 * that, it ends the command and all that this has started, whatever group or session it is in, with
 * SIGTERM and after `grace` milliseconds with SIGKILL, and then exits and so closes its copy: whatever
 * becomes of the caller, the command never takes a part of a stream for the whole. */
pid_t clinux_supervise(const struct clinux_command *command, int grace);

/* Kills what is left of a command whose supervisor was killed: the members of the supervisor's session,
 * and what they started. To be called before the supervisor is waited for, as its number may be given
 * to another process after that. */
void clinux_kill_command(pid_t supervisor);

#endif
