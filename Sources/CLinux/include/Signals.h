#ifndef CLINUX_SIGNALS_H
#define CLINUX_SIGNALS_H

#include <sys/types.h>

/* SIGTERM, SIGINT, SIGHUP and SIGQUIT, by which a server is ended: there is a call for each of
 * three stages of its life. Signal handlers may do next to nothing, and Swift can't promise to keep
 * to that. */

/* Called once, before the server may fork, with the four signals blocked. If this process forks,
 * and goes on only to wait (nbdkit --run, or for a moment, if the server goes into the background):
 *
 * - The signals that come to it are passed on to the process that it forked. nbdkit's own handler
 *   does not run here: it would write into the pipe that wakes the server and yet not end it. Nor
 *   does system(3) keep SIGINT and SIGQUIT ignored.
 * - Every descriptor that was opened after this call and is closed on execution is closed, except
 *   copies of standard input and output: it is of no use to this process or to its command. So the
 *   other end of a connection sees when the server goes, and so does a process that connects to the
 *   server.
 *
 * The caller lets the signals through: in this process by a handler of pthread_atfork for the
 * parent that it registers after this call, in the other one when it is ready. */
int clinux_prepare_waiting(void);

/* Called once in the process that serves, when the server has its handlers. From now on the signals
 * that come are counted before the server's handler runs, and the first one holds that back for a
 * moment for clients that have just left (Farewells.h). If the process that was started waits for
 * this one (`is_waited_for`: nbdkit --run), its end is a SIGTERM to this process. Returns whether
 * it waits. */
int clinux_watch_termination(int is_waited_for);

/* Whether a signal has come since then, and the server has heard of it. It waits while the server
 * is being told. */
int clinux_was_terminated(void);

/* Asks the server something that it answers with a printed line once it has been told to stop. It
 * is not asked then, nor while it is being told. The question must not wait. Returns its answer, or
 * 0 once a signal has come. */
int clinux_ask_server(int (*question)(void));

/* A descriptor that becomes readable when a signal has come; -1 before clinux_watch_termination. */
int clinux_termination_descriptor(void);

/* From now on signals are counted, from 0, and SIGTERM and SIGINT do nothing else. Signals that the
 * process `excused` sends by itself are not counted (0: no process). A signal to a whole process
 * group comes both from its sender and from the process that waits, which passes it on; it is
 * counted once. */
int clinux_catch_termination(pid_t excused);
int clinux_terminations(void);

#endif
