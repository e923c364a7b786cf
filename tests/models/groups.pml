/* The claim words of schedulers/groups.c: items left of each group's range, fetch-and-subtract; the
 * end of the range and the batch are read after the claim. The second batch is shorter, so that the
 * ends differ. Asserted: every item of both batches runs exactly once, in its batch.
 *
 * BROKEN: the end is read before the claim, and a late worker finds other items than it claimed. */
#ifndef BROKEN
#define BROKEN 0
#endif
#define GROUPS  2
#define ITEMS   4 /* of batch 0; batch 1 has half as many */
#define BATCHES 2

short left[GROUPS];
byte end_of[GROUPS];
byte batch = 0;
byte done = 0;
byte generation = 0;
byte runs[BATCHES * ITEMS];

inline run_group(group) {
    finished = 0;
    do
    ::  if :: BROKEN -> last = end_of[group] :: else -> skip fi;
        atomic { claim = left[group]; left[group] = left[group] - 1 }
        if :: claim <= 0 -> break :: else -> skip fi;
        if :: !BROKEN -> last = end_of[group] :: else -> skip fi;
        which = batch;
        assert(last >= claim);
        runs[which * ITEMS + last - claim]++;
        finished++
    od;
    atomic { done = done + finished; finished = 0; claim = 0; last = 0; which = 0 }
}

inline take_part(own) {
    run_group(own);
    if :: left[1 - own] > 0 -> run_group(1 - own) :: else -> skip fi
}

proctype worker(byte own) {
    byte seen = 0, which, last, finished;
    short claim;
end:
    do
    :: generation != seen -> seen = generation; take_part(own)
    od
}

init {
    byte number = 0, count, item, which, last, finished;
    short claim;
    atomic { run worker(0); run worker(1) }
    do
    :: number < BATCHES ->
        count = (number == 0 -> ITEMS : ITEMS / 2);
        done = 0;
        batch = number;
        end_of[0] = count / 2;
        left[0] = count / 2;
        end_of[1] = count;
        left[1] = count - count / 2;
        generation = number + 1;
        take_part(0);
        (done >= count);
        item = 0;
        do
        :: item < ITEMS -> assert(runs[number * ITEMS + item] == (item < count -> 1 : 0)); item++
        :: else -> break
        od;
        number++
    :: else -> break
    od
}
