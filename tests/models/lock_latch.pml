/* schedulers/lock.h: the three-state mutex, the condition variable and the latch an outside caller
 * waits on, set and reset in two batches. Checked: the mutex excludes, and the caller comes to its
 * end.
 *
 * BROKEN: the condition variable's counter is read after the mutex was released. */
#ifndef BROKEN
#define BROKEN 0
#endif
#define FREE      0
#define HELD      1
#define CONTENDED 2
#define BATCHES   2

byte state = FREE;
byte sleepers = 0; /* in the kernel's queue of the mutex */
byte count = 0;    /* notifications */
bit waiting = 0;   /* the caller is in the kernel's queue of `count` */
bit set = 0;       /* under the mutex */
byte inside = 0;   /* who holds the mutex, counted */
byte wanted = 0;

inline acquire(old) {
    atomic { old = state; if :: old == FREE -> state = HELD :: else -> skip fi }
    if
    :: old != FREE ->
        do
        ::  atomic { old = state; state = CONTENDED }
            if :: old == FREE -> break :: else -> skip fi;
            atomic { if :: state == CONTENDED -> sleepers++; sleeping = 1 :: else -> skip fi }
            if
            :: sleeping -> atomic { tokens > 0 -> tokens--; sleeping = 0 }
            :: else -> skip
            fi
        od
    :: else -> skip
    fi;
    inside++;
    assert(inside == 1)
}

byte tokens = 0; /* wake-ups granted to sleepers of the mutex */

inline release(old) {
    inside--;
    atomic { old = state; state = FREE }
    if
    :: old == CONTENDED ->
        atomic { if :: sleepers > 0 -> sleepers--; tokens++ :: else -> skip fi }
    :: else -> skip
    fi
}

proctype caller() {
    byte old, seen, number = 0;
    bit sleeping = 0;
    do
    :: number < BATCHES ->
        wanted = number + 1; /* the job is injected */
        acquire(old);
        do
        :: set -> break
        :: else ->
            if :: !BROKEN -> seen = count :: else -> skip fi;
            release(old);
            if :: BROKEN -> seen = count :: else -> skip fi;
            atomic { if :: count == seen -> waiting = 1 :: else -> skip fi }
            (waiting == 0);
            acquire(old)
        od;
        set = 0;
        release(old);
        number++
    :: else -> break
    od
}

proctype worker() {
    byte old, number = 0;
    bit sleeping = 0;
    do
    :: number < BATCHES ->
        (wanted == number + 1);
        acquire(old);
        set = 1;
        count++;
        waiting = 0;
        release(old);
        number++
    :: else -> break
    od
}

init { atomic { run caller(); run worker() } }
