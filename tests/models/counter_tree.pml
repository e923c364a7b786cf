/* The claim words of schedulers/counter_tree.c: a root word with the number of blocks left, and a
 * node's word `generation | low | high` from which its workers take windows. Who claims a block
 * keeps its first item and offers the rest in the node's word by compare-exchange, if that has
 * nothing of this generation left; otherwise it runs the whole block. Asserted: every item of both
 * batches runs exactly once, in its batch.
 *
 * BROKEN: the rest is offered by a store, over what another worker may have offered meanwhile. */
#ifndef BROKEN
#define BROKEN 0
#endif
#define ITEMS   9 /* three blocks of three */
#define BLOCKS  3
#define SIZE    3
#define BATCHES 2

typedef word { byte generation; byte low; byte high };
word node;
short left = 0;
byte turn = 0;
byte published = 0;
byte done = 0;
byte runs[BATCHES * ITEMS];

#define CLAIMABLE(w) (w.generation == mine && w.low < w.high)

inline run_item(item) { runs[(mine - 1) * ITEMS + item]++; finished++ }

inline same_as_seen() {
    taken = node.generation == seen.generation && node.low == seen.low && node.high == seen.high
}

/* Windows of one item from the node, until it has none of this generation. */
inline run_node() {
    do
    ::  atomic { seen.generation = node.generation; seen.low = node.low; seen.high = node.high }
        if :: !CLAIMABLE(seen) -> break :: else -> skip fi;
        atomic { same_as_seen(); if :: taken -> node.low = seen.low + 1 :: else -> skip fi }
        if :: taken -> run_item(seen.low) :: else -> skip fi
    od
}

inline take_part() {
    mine = turn;
    finished = 0;
    do
    ::  run_node();
        atomic { claim = left; left = left - 1 }
        if :: claim <= 0 -> break :: else -> skip fi;
        mine = turn; /* the claimed block belongs to this batch */
        low = (BLOCKS - claim) * SIZE;
        taken = 0;
        if
        :: BROKEN -> atomic { node.generation = mine; node.low = low + 1; node.high = low + SIZE; taken = 1 }
        :: !BROKEN && !CLAIMABLE(seen) ->
            atomic {
                same_as_seen();
                if
                :: taken -> node.generation = mine; node.low = low + 1; node.high = low + SIZE
                :: else -> skip
                fi
            }
        :: !BROKEN && CLAIMABLE(seen) -> skip
        fi;
        run_item(low);
        if :: !taken -> run_item(low + 1); run_item(low + 2) :: else -> skip fi
    od;
    atomic { done = done + finished; finished = 0; claim = 0; low = 0; mine = 0; taken = 0;
             seen.generation = 0; seen.low = 0; seen.high = 0 }
}

proctype worker() {
    byte noticed = 0, mine, low, finished;
    short claim;
    bit taken;
    word seen;
end:
    do
    :: published != noticed -> noticed = published; take_part()
    od
}

init {
    byte number = 1, item, mine, low, finished;
    short claim;
    bit taken;
    word seen;
    run worker();
    do
    :: number <= BATCHES ->
        done = 0;
        turn = number;
        left = BLOCKS;
        published = number;
        take_part();
        (done >= ITEMS);
        item = 0;
        do
        :: item < ITEMS -> assert(runs[(number - 1) * ITEMS + item] == 1); item++
        :: else -> break
        od;
        number++
    :: else -> break
    od
}
