/* The claim word of schedulers/counter.c (and guided.c): items left, fetch-and-subtract.
 *
 * Workers meet batches late; a claim that succeeds belongs to the batch whose items the word
 * counts, so the batch is read after the claim. Asserted: every item of both batches runs exactly
 * once, in its batch, before the caller goes on.
 *
 * BROKEN: the word counts items handed out, and the batch is read before the claim: a worker that
 * read batch 0 claims an item of batch 1 and takes it for one of batch 0. */
#ifndef BROKEN
#define BROKEN 0
#endif
#define WORKERS 2 /* beside the caller */
#define ITEMS   3
#define WINDOW  2
#define BATCHES 2

short left = 0;    /* BROKEN: items handed out */
byte batch = 0;    /* the descriptor: which batch it is */
byte done = 0;
byte generation = 0;
byte runs[BATCHES * ITEMS];

inline run_items(which, begin, item) {
    item = begin;
    do
    :: item < ITEMS && item < begin + WINDOW -> runs[which * ITEMS + item]++; item++; finished++
    :: else -> break
    od
}

inline take_part(which, claim, item, finished) {
    finished = 0;
    do
    ::  if
        :: BROKEN -> which = batch; atomic { claim = left; left = left + WINDOW }
            if :: claim >= ITEMS -> break :: else -> skip fi
            run_items(which, claim, item)
        :: else -> atomic { claim = left; left = left - WINDOW }
            if :: claim <= 0 -> break :: else -> skip fi
            which = batch;
            run_items(which, ITEMS - claim, item)
        fi
    od;
    if :: finished > 0 -> done = done + finished :: else -> skip fi
}

proctype worker() {
    byte seen = 0, which, item, finished;
    short claim;
end:
    do
    :: generation != seen -> seen = generation; take_part(which, claim, item, finished)
    od
}

init {
    byte number = 0, which, item, finished;
    short claim;
    atomic { run worker(); run worker(); left = (BROKEN -> ITEMS : 0) }
    do
    :: number < BATCHES ->
        done = 0;
        batch = number;
        left = (BROKEN -> 0 : ITEMS); /* release: publishes batch and done */
        generation = number + 1;
        take_part(which, claim, item, finished);
        (done >= ITEMS);
        item = 0;
        do
        :: item < ITEMS -> assert(runs[number * ITEMS + item] == 1); item++
        :: else -> break
        od;
        number++
    :: else -> break
    od
}
