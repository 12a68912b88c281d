#ifndef CLINUX_FAREWELLS_H
#define CLINUX_FAREWELLS_H

/* A server that is told to stop does not look at requests any more, nor does it hear that a client
 * has left, though everything that the client sent, and its end, may have come before. So the stop
 * waits for a moment for clients that have left but whose connections the server has not ended yet.
 * Clients that stay are cut off then: the server waits for each client's next request, for as long
 * as the client stays. */

/* Watches a client's socket until clinux_forget_client, which is called when the server has ended
 * the connection, and before the descriptor is closed. Returns a place for that call, or -1 if
 * there are too many clients: then nothing is awaited of this client. May be called from any
 * thread. */
int clinux_watch_client(int socket);
void clinux_forget_client(int place);

/* Returns when no client has left whose connection still stands, or after this time. It calls only
 * what a signal handler may call; the server's other threads have to go on meanwhile. */
void clinux_await_farewells(int milliseconds);

/* Notes the addresses at which this process listens; its clients' connections have them too. */
void clinux_find_listeners(void);

/* Ends the input from each client of those addresses, and from each that is watched: a client with
 * a request that waits still gets its answer. It calls only what a signal handler may call. */
void clinux_cut_off_clients(void);

/* Ends their output too: a client that does not read its answer would hold the server for ever. It
 * calls only what a signal handler may call. */
void clinux_end_connections(void);

/* Whether the client at a place had not left by itself when all were cut off. */
int clinux_was_cut_off(int place);

#endif
