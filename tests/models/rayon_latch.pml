/* schedulers/rayon_latch.h with the sleeping of rayon_sleep.h: an owner that sleeps on its latch, a
 * thief that sets it, and a third worker that may wake the owner for a job meanwhile. Checked: the
 * owner comes to its end, and no latch is lost.
 *
 * BROKEN: the owner's last step to sleep is a store, not a compare-exchange: it overwrites SET. */
#ifndef BROKEN
#define BROKEN 0
#endif
#define UNSET    0
#define SLEEPY   1
#define SLEEPING 2
#define SET      3

byte latch = UNSET;
bit locked = 0, blocked = 0;

inline acquire() { atomic { locked == 0; locked = 1 } }
inline release() { locked = 0 }

inline wake_owner() {
    acquire();
    if :: blocked -> blocked = 0 :: else -> skip fi;
    release()
}

proctype owner() {
    bit good;
    do
    :: latch == SET -> break
    :: latch != SET ->
        /* UNSET -> SLEEPY */
        atomic { good = latch == UNSET; if :: good -> latch = SLEEPY :: else -> skip fi }
        if
        :: good ->
            acquire();
            if
            :: BROKEN -> latch = SLEEPING; good = 1
            :: else -> atomic { good = latch == SLEEPY; if :: good -> latch = SLEEPING :: else -> skip fi }
            fi;
            if
            :: good ->
                blocked = 1;
                release();
                blocked == 0;
                acquire();
                /* woken: SLEEPING -> UNSET unless it was set */
                atomic { if :: latch == SLEEPING -> latch = UNSET :: else -> skip fi }
            :: else -> skip
            fi;
            release()
        :: else -> skip
        fi
    od;
    assert(latch == SET)
}

proctype setter() {
    byte before;
    atomic { before = latch; latch = SET } /* one exchange */
    if :: before == SLEEPING -> wake_owner() :: else -> skip fi
}

proctype waker() { /* brings a job: any number of the owner's wakes from 0 to 2 */
    if :: wake_owner() :: skip fi;
    if :: wake_owner() :: skip fi
}

init { atomic { run owner(); run setter(); run waker() } }
