/* schedulers/rayon_deque.h: the owner pushes and pops at the back, two thieves take from the front.
 * Asserted: every job is taken exactly once. SPIN explores sequentially consistent executions; that
 * is what the fences of pop and steal establish for the four accesses that matter.
 *
 * BROKEN: the owner takes the last job without a compare-exchange. */
#ifndef BROKEN
#define BROKEN 0
#endif
#define JOBS 3

byte front = 0, back = 0;
byte slots[JOBS + 1];
byte taken[JOBS + 1];
byte total = 0;

inline take(job) { atomic { assert(taken[job] == 0); taken[job]++; total++ } }

inline pop(b, f, job, good) {
    good = 0;
    if
    :: back > front ->
        b = back - 1;
        back = b;
        f = front; /* after a full fence */
        if
        :: b < f -> back = b + 1
        :: b > f -> job = slots[b]; good = 1
        :: b == f ->
            job = slots[b];
            if
            :: BROKEN -> good = 1; front = f + 1
            :: else -> atomic { good = front == f; if :: good -> front = f + 1 :: else -> skip fi }
            fi;
            back = b + 1
        fi
    :: else -> skip
    fi
}

proctype owner() {
    byte pushed = 0, b, f, job;
    bit good;
    do
    :: pushed < JOBS -> slots[back] = pushed; back = back + 1; pushed++
    :: pushed > 0 && total < JOBS ->
        pop(b, f, job, good);
        if :: good -> take(job) :: else -> skip fi
    :: total == JOBS -> break
    od
}

proctype thief() {
    byte b, f, job;
    bit good;
    do
    :: total < JOBS ->
        f = front;
        b = back; /* after a full fence */
        if
        :: b > f ->
            job = slots[f];
            atomic { good = front == f; if :: good -> front = f + 1 :: else -> skip fi }
            if :: good -> take(job) :: else -> skip fi
        :: else -> skip
        fi
    :: total == JOBS -> break
    od
}

init { atomic { run owner(); run thief(); run thief() } }
