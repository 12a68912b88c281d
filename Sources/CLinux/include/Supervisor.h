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
 * survives it. Returns the supervisor's process number.
 *
 * The supervisor sends 32-bit numbers: at once the number of the command's process and group, or a
 * negative errno if there is none; later how the command ended, as a shell reports it (its exit
 * status, or 128 and the number of a signal).
 *
 * A byte sent to the supervisor means that the stream is complete: it closes its copy of the pipe,
 * so that the command's input ends once the caller has closed its own, and exits when the command
 * has ended. If the lifeline ends without that byte, the supervisor ends the command and everything
 * that it has started, whatever group or session that is in, with SIGTERM and after `grace`
 * milliseconds with SIGKILL. Then it exits and so closes its copy: whatever becomes of the caller,
 * the command never takes a part of a stream for the whole. */
pid_t clinux_supervise(const struct clinux_command *command, int grace);

/* Kills what is left of a command whose supervisor was killed: the members of the supervisor's
 * session, and what they started. It is called before the supervisor is waited for, as its number
 * may be given to another process after that. */
void clinux_kill_command(pid_t supervisor);

#endif
