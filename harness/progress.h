/* One line of progress on a terminal, with the time left; nothing on a pipe. */
#ifndef HARNESS_PROGRESS_H
#define HARNESS_PROGRESS_H

/* Shows "what: 43 %, 35 s left" on standard error if that is a terminal; at most ten times a
 * second. `done` is 0 .. 1; time left is estimated from the time since the same `what` began. */
void progress_show(const char *what, double done);
/* Takes the line away. */
void progress_clear(void);

#endif
