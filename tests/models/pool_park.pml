/* Sleeping and waking in schedulers/pool.h: workers park on words of their own, each is woken by one
 * parent and wakes on (the tree is a chain here: a second child adds states, no new case), every
 * worker reports every batch (as under `static`); the caller keeps its own report to itself until it
 * parks. Checked: nobody sleeps for ever (SPIN reports that as an invalid end state), and a batch
 * ends when every worker has reported.
 *
 * BROKEN: a worker that announced sleep does not look at the generation again. */
#ifndef BROKEN
#define BROKEN 0
#endif
#define WORKERS 3 /* 0 is the caller */
#define BATCHES 2
#define STOP    (BATCHES + 1)

byte generation = 0;
byte left = 0; /* what has not been reported */
byte reports = 0;
bit asleep[WORKERS];
bit parked[WORKERS]; /* in the kernel's queue of that word */
bit joiner_asleep = 0, joiner_parked = 0;

/* futex wait: queues only if the word still holds 1 */
inline park(word, queued) {
    atomic { if :: word == 1 -> queued = 1 :: else -> skip fi }
    (queued == 0)
}

inline wake_child(self, before) {
    if
    :: self + 1 < WORKERS && asleep[self + 1] == 1 ->
        atomic { before = asleep[self + 1]; asleep[self + 1] = 0 }
        if :: before == 1 -> parked[self + 1] = 0 :: else -> skip fi
    :: else -> skip
    fi;
    before = 0
}

inline report(before) {
    atomic { left--; before = left; reports++ }
    if
    :: before == 0 && joiner_asleep == 1 ->
        atomic { before = joiner_asleep; joiner_asleep = 0 }
        if :: before == 1 -> joiner_parked = 0 :: else -> skip fi
    :: else -> skip
    fi;
    before = 0
}

proctype worker(byte self) {
    byte seen = 0, before;
    do
    ::  do
        :: generation != seen -> break
        :: generation == seen -> /* out of patience */
            asleep[self] = 1;
            if
            :: !BROKEN && generation != seen -> asleep[self] = 0
            :: else ->
                do
                :: park(asleep[self], parked[self]); if :: asleep[self] == 0 -> break :: else -> skip fi
                od
            fi
        od;
        seen = generation;
        wake_child(self, before);
        if :: seen == STOP -> break :: else -> skip fi;
        report(before)
    od
}

init {
    byte number = 1, before, kept;
    atomic { run worker(1); run worker(2) }
    do
    :: number <= BATCHES ->
        left = WORKERS;
        reports = 0;
        generation = number;
        wake_child(0, before);
        kept = 1; /* the caller's own part */
        do
        :: left == kept -> break
        :: kept == 1 && left != kept -> /* out of patience: hand it in */
            atomic { left = left - kept; kept = 0 }
        :: kept == 0 && left != 0 ->
            joiner_asleep = 1;
            if :: left != 0 -> park(joiner_asleep, joiner_parked) :: else -> skip fi;
            joiner_asleep = 0
        od;
        assert(reports == WORKERS - 1);
        number++
    :: else -> break
    od;
    generation = STOP;
    wake_child(0, before)
}
