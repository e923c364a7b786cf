/* The claim words of schedulers/bytes_steal.c: `generation | sorted | high | low` per worker, claimed
 * and halved by compare-exchange; completion counts items, so workers meet the next batch late. The
 * last FINISH positions of a range are taken away whole by their worker, put in another order and
 * offered again; the upper half of a range as it was cut is stolen, the lower half of a sorted one.
 * Asserted: every item of both batches runs exactly once, in its batch.
 *
 * BROKEN: the words carry no generation. A worker that read batch 0's descriptor late takes from
 * words that already hold batch 1. */
#ifndef BROKEN
#define BROKEN 0
#endif
#define WORKERS 2
#define ITEMS   6
#define BATCHES 2
#define FINISH  2

typedef word { byte generation; bit sorted; byte low; byte high };
word words[WORKERS];
byte published = 0; /* the generation that workers are called for */
byte done = 0;
byte order[ITEMS];
byte runs[BATCHES * ITEMS];

#define CLAIMABLE(w, mine) (w.low < w.high && (BROKEN || w.generation == mine))

inline load(w, i) {
    atomic {
        w.generation = words[i].generation; w.sorted = words[i].sorted;
        w.low = words[i].low; w.high = words[i].high
    }
}

/* Compare-exchange of the whole word. */
inline claim(w, i, to_low, to_high) {
    atomic {
        taken = words[i].generation == w.generation && words[i].sorted == w.sorted &&
                words[i].low == w.low && words[i].high == w.high;
        if :: taken -> words[i].low = to_low; words[i].high = to_high :: else -> skip fi
    }
}

/* One item of the batch that the worker believes in. */
inline run_at(mine, is_sorted, position) {
    atomic {
        item = position;
        if :: is_sorted -> item = order[position] :: else -> skip fi;
        runs[(mine - 1) * ITEMS + item]++;
        done++;
        item = 0
    }
}

/* What was taken from all others, in w: sorted if it is short (here: turned round), all but its
 * first put into the own, empty word by a plain store. */
inline keep(mine) {
    if
    :: !w.sorted && w.high - w.low == FINISH ->
        order[w.low] = w.low + 1;
        order[w.low + 1] = w.low;
        w.sorted = 1
    :: else -> skip
    fi;
    if
    :: w.low + 1 < w.high ->
        atomic {
            words[self].generation = mine; words[self].sorted = w.sorted;
            words[self].low = w.low + 1; words[self].high = w.high
        }
    :: else -> skip
    fi;
    run_at(mine, w.sorted, w.low)
}

proctype worker(byte self) {
    byte mine, seen = 0, victim, middle, item;
    word w;
    bool taken;
end:
    do
    :: published != seen ->
        seen = published;
        mine = seen;
        if
        :: !BROKEN && words[self].generation != mine -> goto end /* late */
        :: else -> skip
        fi;
own:    do
        ::  load(w, self);
            if :: !CLAIMABLE(w, mine) -> break :: else -> skip fi;
            if
            :: !w.sorted && w.high - w.low <= FINISH ->
                claim(w, self, w.high, w.high);
                if :: taken -> keep(mine) :: else -> skip fi
            :: else ->
                claim(w, self, w.low + 1, w.high);
                if :: taken -> run_at(mine, w.sorted, w.low) :: else -> skip fi
            fi
        od;
        victim = (self + 1) % WORKERS;
steal:  load(w, victim);
        if
        :: CLAIMABLE(w, mine) ->
            if
            :: w.sorted ->
                middle = w.low + (w.high - w.low + 1) / 2;
                claim(w, victim, middle, w.high);
                w.high = middle
            :: else ->
                middle = w.high - (w.high - w.low + 1) / 2;
                claim(w, victim, w.low, middle);
                w.low = middle
            fi;
            middle = 0;
            if
            :: taken -> keep(mine); goto own
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
        i = 0;
        do
        :: i < WORKERS ->
            atomic {
                words[i].generation = number;
                words[i].sorted = 0;
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
