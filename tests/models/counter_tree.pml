/* The claim words of schedulers/counter_tree.c: a root word with the number of blocks left, and a
 * node's word `generation | low | high` from which its workers take windows; low 1 and high 0 while
 * one of them fetches a block. Who fetches keeps the first item and offers the rest by
 * compare-exchange from the word it left; who does not want to wait any longer claims a block and
 * runs it without offering it. Asserted: every item of both batches runs exactly once, in its batch.
 *
 * BROKEN: a late worker takes a node word of a newer batch for an empty one and writes over it. */
#ifndef BROKEN
#define BROKEN 0
#endif
#define ITEMS   6 /* two blocks of three */
#define BLOCKS  2
#define SIZE    3
#define BATCHES 2

typedef word { byte generation; byte low; byte high };
word node;
short left = 0;
byte turn = 0;
byte published = 0;
byte done = 0;
byte runs[BATCHES * ITEMS];

#define CLAIMABLE(w)  (w.generation == mine && w.low < w.high)
#define REFILLING(w, g) (w.generation == g && w.low == 1 && w.high == 0)

inline run_item(item) { runs[(mine - 1) * ITEMS + item]++; finished++ }

inline same_as_seen() {
    taken = node.generation == seen.generation && node.low == seen.low && node.high == seen.high
}

inline set_node(g, l, h) { node.generation = g; node.low = l; node.high = h }

inline fetch_block() {
    atomic { claim = left; left = left - 1 }
    if
    :: claim <= 0 ->
        atomic { if :: refills && REFILLING(node, mine) -> set_node(mine, 0, 0) :: else -> skip fi }
    :: else ->
        old = mine;
        mine = turn; /* the claimed block belongs to this batch */
        low = (BLOCKS - claim) * SIZE;
        atomic {
            taken = refills && REFILLING(node, old);
            if :: taken -> set_node(mine, low + 1, low + SIZE) :: else -> skip fi
        }
        run_item(low);
        if :: !taken -> run_item(low + 1); run_item(low + 2) :: else -> skip fi
    fi
}

inline take_part() { /* for batch `mine` */
    finished = 0;
    do
    ::  atomic { seen.generation = node.generation; seen.low = node.low; seen.high = node.high }
        if
        :: CLAIMABLE(seen) ->
            atomic { same_as_seen(); if :: taken -> node.low = seen.low + 1 :: else -> skip fi }
            if :: taken -> run_item(seen.low) :: else -> skip fi
        :: !CLAIMABLE(seen) && !BROKEN && seen.generation > mine -> break
        :: !CLAIMABLE(seen) && REFILLING(seen, mine) ->
            if
            :: !REFILLING(node, mine) -> skip /* waited long enough: look again */
            :: refills = 0; fetch_block(); if :: claim <= 0 -> break :: else -> skip fi
            fi
        :: !CLAIMABLE(seen) && !REFILLING(seen, mine) && (BROKEN || seen.generation <= mine) ->
            atomic { same_as_seen(); if :: taken -> set_node(mine, 1, 0) :: else -> skip fi }
            if
            :: taken -> refills = 1; fetch_block(); if :: claim <= 0 -> break :: else -> skip fi
            :: else -> skip
            fi
        fi
    od;
    atomic { done = done + finished; finished = 0; claim = 0; low = 0; mine = 0; taken = 0; old = 0;
             refills = 0; seen.generation = 0; seen.low = 0; seen.high = 0 }
}

proctype worker() {
    byte noticed = 0, mine, low, finished, old;
    bit refills;
    short claim;
    bit taken;
    word seen;
end:
    do
    :: published != noticed -> noticed = published; mine = noticed; take_part()
    od
}

init {
    byte number = 1, item, mine, low, finished, old;
    bit refills;
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
        mine = number;
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
