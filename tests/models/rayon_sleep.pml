/* schedulers/rayon_sleep.h: the sleep word with its jobs event counter, sleeping under a mutex, and
 * jobs that an outside caller injects one after the other. Checked: every job is taken, so that the
 * caller comes to its end (else SPIN reports an invalid end state).
 *
 * BROKEN: a worker joins the sleepers without comparing the counter and without looking at the
 * injector again. */
#ifndef BROKEN
#define BROKEN 0
#endif
#define WORKERS 2
#define JOBS    2

byte sleeping = 0, inactive = 0, jec = 0; /* fields of one word: changed in atomic steps only */
byte injected = 0;                        /* jobs in the injector */
byte finished = 0;
bit locked[WORKERS];
bit blocked[WORKERS];

inline acquire(m) { atomic { locked[m] == 0; locked[m] = 1 } }
inline release(m) { locked[m] = 0 }

/* Wakes up to `count` sleepers, scanning from worker 0. */
inline wake_any(count, i) {
    i = 0;
    do
    :: i < WORKERS && count > 0 ->
        acquire(i);
        if
        :: blocked[i] -> blocked[i] = 0; sleeping--; count--
        :: else -> skip
        fi;
        release(i);
        i++
    :: else -> break
    od
}

proctype worker(byte self) {
    byte mine, count, i;
    bit got;
idle:
    inactive++;
look:
    atomic { got = injected > 0; if :: got -> injected-- :: else -> skip fi }
    if :: got -> goto found :: else -> skip fi;
    if :: goto look :: skip fi; /* more rounds, or sleepy */
    /* announce sleepiness: make the counter even */
    atomic { if :: jec % 2 == 1 -> jec++ :: else -> skip fi; mine = jec }
    /* one more round */
    atomic { got = injected > 0; if :: got -> injected-- :: else -> skip fi }
    if :: got -> goto found :: else -> skip fi;
    acquire(self);
    atomic { got = jec == mine || BROKEN; if :: got -> sleeping++ :: else -> skip fi }
    if
    :: !got -> release(self); goto look
    :: else -> skip
    fi;
    if
    :: injected > 0 && !BROKEN -> sleeping--
    :: else ->
        blocked[self] = 1;
        release(self); /* the condition variable's wait */
end:    blocked[self] == 0;
        acquire(self)
    fi;
    release(self);
    goto look;
found:
    atomic { inactive--; count = (sleeping < 2 -> sleeping : 2) }
    wake_any(count, i);
    finished++;
    goto idle
}

init {
    byte number = 0, count, i;
    bit was_empty;
    atomic { i = 0; do :: i < WORKERS -> run worker(i); i++ :: else -> break od }
    do
    :: number < JOBS ->
        was_empty = injected == 0;
        injected++;
        atomic {
            if :: jec % 2 == 0 -> jec++ :: else -> skip fi;
            count = (sleeping > 0 && (!was_empty || inactive == sleeping) -> 1 : 0)
        }
        wake_any(count, i);
        number++;
        (finished == number)
    :: else -> break
    od
}
