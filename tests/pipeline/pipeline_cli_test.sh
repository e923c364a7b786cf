#!/bin/sh
# `grainbench pipeline` from outside: tables, records, traces, stopping and going on, bad input.
# usage: pipeline_cli_test.sh PROGRAM
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0

# expect CODE PATTERN ARGUMENT...: the exit code, and a line of the output that matches
expect() {
    code=$1 pattern=$2
    shift 2
    "$program" "$@" >out 2>&1
    got=$?
    if [ "$got" != "$code" ] || ! grep -Eq -- "$pattern" out; then
        echo "FAILED: grainbench $*: wanted exit code $code and /$pattern/, got $got and:"
        cat out
        failures=$((failures + 1))
    fi
}

quick="--rounds 6 --warmup 0 --sequence 1"
work="--synthetic rows=256:blocks=8:format_us=2 --batch 8 --consumer sleep:us=50"

expect 0 'change of predict rate' pipeline $quick $work --output record.jsonl --trace trace.json
expect 0 '95 % interval' table record.jsonl
expect 0 'thread\(format\(batch\(thread\(preprocess\(thread\(read, 2\)\), 2\)\)\), 2\)' \
    pipeline $quick $work --mode streaming --prefetch-batches 0,2 --control 0
expect 0 'pool\(format, batch\(window\(blocks\)\), 2, 2\)' \
    pipeline $quick $work --workers 2 --prefetch-batches 0,2 --control 0
expect 0 '^\| *total' pipeline $quick $work --prefetch-batches 0 --format markdown
grep -q '"ph":"X","name":"format"' trace.json || { echo "FAILED: the trace has no format"; failures=$((failures + 1)); }
grep -q '"kind":"end"' record.jsonl || { echo "FAILED: the record has no end"; failures=$((failures + 1)); }

for depths in 1,x -1 "" 1, ,1 4097 99999999999999999999 1.5; do
    expect 2 'is not a list of depths' pipeline $work --prefetch-batches "$depths"
done
expect 2 'depth 2 is named twice' pipeline $work --prefetch-batches 2,2
expect 0 'only costs memory' pipeline $quick $work --prefetch-batches 0,4096 --control 0
expect 0 'depth 2' pipeline $quick $work --prefetch-batches 0,2 --workers 64 --control 0
expect 2 '257 is out of range' pipeline $work --workers 257
expect 2 'nothing to measure' pipeline --synthetic rows=0:blocks=1 --consumer sleep:us=1
expect 2 'cannot be written' pipeline $work --trace no/such/folder/trace.json
expect 0 'a block each' pipeline $quick $work --batch 0 --prefetch-batches 0,1 --control 0
expect 2 "there is no consumer 'gpu'" pipeline $work --consumer gpu
expect 2 'replay needs file=FILE' pipeline $work --consumer replay
expect 2 "--batch: 'many' is not a whole number" pipeline $work --batch many
expect 2 "exclude each other" pipeline $work record.jsonl
expect 2 "composition 'fly\(blocks\)'" pipeline $work --composition 'fly(blocks)'
expect 2 "read once only" pipeline -
expect 2 'grainbench run' pipeline --scenario hf-2077
expect 2 'grainbench pipeline' run --scenario ray-30190
printf '10\nfast\n' >durations
expect 2 "durations: line 2: 'fast' is not a duration" pipeline $work --consumer replay:file=durations

printf '# one slow batch\n10\n10\n600000\n' >durations
expect 0 'stall: nothing was delivered after batch 2' pipeline --synthetic rows=24:blocks=3 --batch 8 \
    --consumer replay:file=durations --prefetch-batches 2 --report-stalls 0.2 --cursor c
grep -q 'format 0 has waited for input to format' out || grep -q 'consumer has worked on consume' out || {
    echo "FAILED: the stall report does not say who waits"; cat out; failures=$((failures + 1)); }
if command -v taskset >/dev/null; then
    real=$program
    program=taskset
    expect 2 'nothing can overlap' -c 0 "$real" pipeline $quick --synthetic rows=64:blocks=4 --consumer spin:us=10
    expect 0 'verdict' -c 0 "$real" pipeline $quick --synthetic rows=64:blocks=4 --consumer spin:us=10 --force
    program=$real
fi

# The rest needs a vocabulary.
if "$program" pipeline --stop-after 1 --consumer sleep:us=0 >out 2>&1; then
    once="--batch 32 --consumer sleep:us=0 --mode streaming --prefetch-batches 3 --block 4096"
    seq 1 4000 | sed 's/$/ bottles of beer on the wall/' >text
    expect 0 'rows 1 to 800; stopped' pipeline $once --stop-after 25 --cursor here text
    expect 0 'rows 801 to 4000; the input ended' pipeline $once --resume here text
    # An interrupt stops behind a batch; after a kill, the cursor of a second ago is whole.
    slow="--batch 32 --mode streaming --prefetch-batches 3 --block 4096 --consumer sleep:us=40000"
    for signal in INT KILL; do
        rm -f cursor
        "$program" pipeline $slow --cursor cursor text >out 2>&1 &
        process=$!
        tries=0
        while [ ! -s cursor ] && [ $((tries += 1)) -lt 300 ]; do sleep 0.1; done
        kill -s $signal $process
        wait $process
        [ $signal = KILL ] || grep -q 'stopped by a signal' out || {
            echo "FAILED: an interrupted run does not say so"; cat out; failures=$((failures + 1)); }
        rows=$(sed -n 's/.*"rows": \([0-9]*\).*/\1/p' cursor)
        expect 0 "rows $((rows + 1)) to 4000; the input ended" pipeline $once --resume cursor text
    done
    expect 2 'was written with --block 4096' pipeline $once --block 8192 --resume here text
    expect 0 'ids digest' pipeline $once --encoder pcre2 --cursor pcre2.json text
    grep 'ids digest' out >one
    expect 0 'ids digest' pipeline $once --encoder fast --cursor fast.json text
    grep 'ids digest' out >two
    cmp -s one two || { echo "FAILED: pcre2 and fast deliver other ids"; failures=$((failures + 1)); }
    printf 'good\nb\377d\n' >broken
    expect 2 'broken: byte 6 is not valid UTF-8' pipeline $once --stop-after 1 broken
    expect 2 'missing: cannot be opened' pipeline $once missing
    # A memory limit far below the input: what is resident stays near the limit.
    seq 1 2000000 >large
    expect 0 'delivered    2000000 rows' pipeline --consumer sleep:us=0 --mode streaming --batch 512 \
        --prefetch-batches 4 --memory-limit 8Mi --block 256Ki --cursor c large
else
    grep -q 'no vocabulary' out || { cat out; failures=$((failures + 1)); }
    echo "without a vocabulary (scripts/fetch-data) the runs over text were left out"
fi
[ "$failures" = 0 ]
