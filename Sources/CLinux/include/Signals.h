#ifndef CLINUX_SIGNALS_H
#define CLINUX_SIGNALS_H

#include <sys/types.h>

/* SIGTERM, SIGINT, SIGHUP and SIGQUIT, by which a server is ended: three stages of its life, each a
 * call. Signal handlers may do next to nothing, which Swift can't promise. */

/* To be called once, before the server may fork, with the four signals blocked. Should this process
 * fork, and go on only to wait (nbdkit --run, or a moment, where the server goes into the background):
 *
 * - The signals that come to it are passed on to the process that it forked. Neither nbdkit's own
 *   handler runs here, which would write into the pipe that wakes the server and yet not end it, nor
 *   does system(3) keep SIGINT and SIGQUIT ignored.
 * - All that was opened after this call and is closed on execution, which is of no use to it or to its
 *   command (but for copies of standard input and output), is closed: the other end of a connection sees when the server goes, and so does who
 *   connects to the server.
 *
 * The caller lets the signals come: in this process by a handler of pthread_atfork for the parent that
 * it registers after this call, in the other when it is ready. */
int clinux_prepare_waiting(void);

/* To be called once in the process that serves, when the server has its handlers: from now on what
 * comes is counted before the server's handler runs, which the first one holds back a moment for clients
 * that have just left (Farewells.h). Where the process that was started waits for this one
 * (`is_waited_for`: nbdkit --run), its end is a SIGTERM to this one. Returns whether it waits. */
int clinux_watch_termination(int is_waited_for);

/* Whether a signal has come since, and the server has heard it: waits while it hears. */
int clinux_was_terminated(void);

/* Asks the server something that it answers aloud once it has been told to stop: not then, and not
 * while it is being told. The question does not wait. Returns its answer, or 0 once a signal has come. */
int clinux_ask_server(int (*question)(void));

/* A descriptor that is readable from when one has come; -1 before clinux_watch_termination. */
int clinux_termination_descriptor(void);

/* From now on SIGTERM and SIGINT are counted, from 0, and do nothing else. Those that the process
 * `excused` sends by itself are not counted (0: nobody's), nor is the same signal to a whole process
 * group, which comes from its sender and passed on by the process that waits, counted twice. */
int clinux_catch_termination(pid_t excused);
int clinux_terminations(void);

#endif
