#ifndef CLINUX_FAREWELLS_H
#define CLINUX_FAREWELLS_H

/* A server that is told to stop looks at no request any more, nor does it hear that a client has left,
 * though all that the client sent and its end may have come before. So the stop waits a moment for
 * clients that have left but whose connections the server has not ended yet. Those that stay are cut off
 * then: the server waits for each client's next request, for as long as that stays. */

/* Watches a client's socket until clinux_forget_client, which is to be called when the server has ended
 * the connection, and before the descriptor is closed. Returns a place for that call, or -1 where there
 * are too many: of such a client nothing is awaited. From any thread. */
int clinux_watch_client(int socket);
void clinux_forget_client(int place);

/* Returns when no client has left whose connection still stands, or after so much time. Calls only what
 * a signal handler may; the server's other threads have to go on meanwhile. */
void clinux_await_farewells(int milliseconds);

/* Notes the addresses at which this process listens; they are its clients' too. */
void clinux_find_listeners(void);

/* Ends what comes from each client of those addresses: who has a request that waits still gets its
 * answer. Calls only what a signal handler may. */
void clinux_cut_off_clients(void);

/* Whether the client at a place had not left by itself when all were cut off. */
int clinux_was_cut_off(int place);

#endif
