#ifndef CREFUSAL_H
#define CREFUSAL_H

/* Makes every such call of this thread fail with `error` from now on, as sandboxes do. Returns -1
 * with errno set where the kernel has no filters for system calls. */
int refuse_vmsplice(int error);
int refuse_splice(int error);

#endif
