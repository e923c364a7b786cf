/* The claim words of schedulers/bytes_steal.c: `generation | low | high` per worker, claimed and
 * halved by compare-exchange; completion counts items, so workers meet the next batch late.
 * Asserted: every item of both batches runs exactly once, in its batch.
 *
 * BROKEN: the words carry no generation. A worker that read batch 0's descriptor late takes from
 * words that already hold batch 1. */
#ifndef BROKEN
#define BROKEN 0
#endif
#define WORKERS 2
#define ITEMS   4
#define BATCHES 2

typedef word { byte generation; byte low; byte high };
word words[WORKERS];
byte turn = 0;     /* generation of the words; 0: none yet */
byte published = 0; /* what wakes workers */
byte done = 0;
byte runs[BATCHES * ITEMS];

#define CLAIMABLE(w, mine) (w.low < w.high && (BROKEN || w.generation == mine))

/* One item of the batch that the worker believes in. */
inline run_item(mine, item) {
    atomic { runs[(mine - 1) * ITEMS + item]++; done++ }
}

proctype worker(byte self) {
    byte mine, seen = 0, victim, middle;
    word w;
    bool taken;
end:
    do
    :: published != seen ->
        seen = published;
        mine = turn;
        if
        :: !BROKEN && words[self].generation != mine -> goto end /* between two batches */
        :: else -> skip
        fi;
own:    do
        ::  atomic { w.generation = words[self].generation; w.low = words[self].low; w.high = words[self].high }
            if :: !CLAIMABLE(w, mine) -> break :: else -> skip fi
            atomic { /* compare-exchange of the whole word */
                taken = words[self].generation == w.generation && words[self].low == w.low &&
                        words[self].high == w.high;
                if :: taken -> words[self].low = w.low + 1 :: else -> skip fi
            }
            if :: taken -> run_item(mine, w.low) :: else -> skip fi
        od;
        victim = (self + 1) % WORKERS;
steal:  atomic { w.generation = words[victim].generation; w.low = words[victim].low; w.high = words[victim].high }
        if
        :: CLAIMABLE(w, mine) ->
            middle = w.high - (w.high - w.low + 1) / 2;
            atomic {
                taken = words[victim].generation == w.generation && words[victim].low == w.low &&
                        words[victim].high == w.high;
                if :: taken -> words[victim].high = middle :: else -> skip fi
            }
            if
            :: taken ->
                /* a plain store: the own word is empty and of this generation */
                if
                :: middle + 1 < w.high ->
                    atomic { words[self].generation = mine; words[self].low = middle + 1; words[self].high = w.high }
                :: else -> skip
                fi;
                run_item(mine, middle);
                goto own
            :: else -> goto steal
            fi
        :: else -> skip
        fi
    od
}

init {
    byte number = 1, i;
    atomic { i = 0; do :: i < WORKERS -> run worker(i); i++ :: else -> break od }
    do
    :: number <= BATCHES ->
        done = 0;
        turn = number;
        i = 0;
        do
        :: i < WORKERS ->
            atomic {
                words[i].generation = number;
                words[i].low = ITEMS * i / WORKERS;
                words[i].high = ITEMS * (i + 1) / WORKERS
            }
            i++
        :: else -> break
        od;
        published = number;
        (done >= ITEMS);
        i = 0;
        do
        :: i < ITEMS -> assert(runs[(number - 1) * ITEMS + i] == 1); i++
        :: else -> break
        od;
        number++
    :: else -> break
    od
}
