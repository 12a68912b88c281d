#ifndef CLINUX_FAREWELLS_H
#define CLINUX_FAREWELLS_H

/* A server that is told to stop looks at no request any more, nor does it hear that a client has left,
 * though all that the client sent and its end may have come before. So the stop waits a moment for
 * clients that have left but whose connections the server has not ended yet. */

/* Watches a client's socket until clinux_forget_client, which is to be called when the server has ended
 * the connection, and before the descriptor is closed. Returns a place for that call, or -1 where there
 * are too many: of such a client nothing is awaited. From any thread. */
int clinux_watch_client(int socket);
void clinux_forget_client(int place);

/* Returns when no client has left whose connection still stands, or after so much time. Calls only what
 * a signal handler may; the server's other threads have to go on meanwhile. */
void clinux_await_farewells(int milliseconds);

#endif
