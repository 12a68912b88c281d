#ifndef CREFUSAL_H
#define CREFUSAL_H

/* Makes every vmsplice of this thread fail with `error` from now on, as sandboxes do. Returns -1 with
 * errno set where the kernel has no filters for system calls. */
int refuse_vmsplice(int error);

#endif
