#!/usr/bin/env bash
# The program from outside: exit codes and what it says. usage: cli_test.sh PROGRAM
# Each check is: expect CODE 'extended regular expression' COMMAND...; stdout and stderr together.
set -u
program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export XDG_CACHE_HOME=$folder/cache
cd "$folder" || exit 1
checks=0 failures=0

expect() { # code pattern arguments...
    local code=$1 pattern=$2 output status
    shift 2
    output=$("$program" "$@" 2>&1 </dev/null)
    status=$?
    checks=$((checks + 1))
    if [ $status -ne "$code" ] || ! grep -qE -- "$pattern" <<<"$output"; then
        failures=$((failures + 1))
        printf 'FAILED: grainbench %s\n  wanted exit code %s and /%s/\n  got exit code %s and:\n%s\n' \
            "$*" "$code" "$pattern" "$status" "$output"
    fi
}

printf 'Hello world\n\nthe second line of a small text\n' >small.txt
: >empty.txt
printf 'ok\n\xff\n' >bad-utf8.txt

# The program itself
expect 2 'Usage: grainbench COMMAND'
expect 0 'Usage: grainbench COMMAND' --help
expect 0 '^grainbench [0-9]+\.[0-9]+\.[0-9]+ ' --version
expect 2 "there is no command 'fly'" fly
expect 0 '\.SH COMMANDS' --man
expect 0 'complete .*grainbench' --completion bash
expect 0 '#compdef grainbench' --completion zsh
expect 0 'complete -c grainbench' --completion fish
expect 2 'bash, zsh or fish' --completion tcsh
for name in $("$program" --help | sed -n 's/^  \([a-z-]*\)  *[a-z].*/\1/p'); do
    expect 0 "^Usage: grainbench $name" "$name" --help
    expect 2 "unknown option '--no-such-option'" "$name" --no-such-option
    expect 0 "^.SS \"grainbench $name" --man
done

# topology
expect 0 '^88 \(physical\): 0 2 4' topology --synthetic 'pack:1 core:88 pu:2'
expect 0 'not pinned' topology --synthetic 'pack:1 core:4 pu:1'
expect 2 'not an hwloc synthetic topology' topology --synthetic 'nonsense'
expect 2 '0 is out of range' topology --threads 0
expect 2 'neither a number' topology --threads many
expect 2 'add --oversubscribe' topology --threads 4000
expect 0 '^4000 \(oversubscribed\)' topology --threads 4000 --oversubscribe

expect 2 'no-such-file: cannot open: No such file' topology --xml no-such-file
expect 2 "unknown option '-1'" history show -1

# files that are none, and results that could not be kept: said before any work is done
mkdir folder
expect 2 'folder: is a directory' run --scenario ./folder
expect 2 'for the file say ./small.txt' run --scenario small.txt
for name in profile trace calibrate; do
    expect 2 '/no/such/folder/x: cannot write' "$name" --output /no/such/folder/x
done

# list
expect 0 'rayon-min-len' list schedulers
expect 0 'pcre2' list encoders
expect 0 'hf-2077' list scenarios
expect 2 'not schedulers, encoders or scenarios' list planets

# run: what is refused, before anything is measured or written
expect 2 'cannot open' run --corpus no-such-file
expect 2 'is empty' run --corpus empty.txt
expect 2 'byte 3 is not valid UTF-8' run --corpus bad-utf8.txt
expect 2 '0 is out of range' run --corpus small.txt --threads 0
expect 2 'add --oversubscribe' run --corpus small.txt --threads 4000
expect 2 "there is no scheduler 'magic'" run --corpus small.txt --schedulers magic
expect 2 "scheduler rayon has no option 'speed'" run --corpus small.txt --schedulers rayon:speed=9
expect 2 "there is no encoder 'magic'" run --corpus small.txt --encoder magic
expect 2 "there is no scenario 'magic'" run --scenario magic
expect 2 'give both --vocab and --merges' run --corpus small.txt --vocab x
expect 2 'cannot' run --corpus small.txt --output /no/such/folder/record.jsonl --encoder null
expect 2 "entry: 'magic' is not one of batch" run --corpus small.txt --entry magic
if [ -w /dev/full ]; then
    expect 2 'No space left' run --corpus small.txt --encoder null --time 0.1 --output /dev/full
fi
[ ! -e records ] || { echo 'FAILED: a refused run left a folder of records behind'; failures=$((failures + 1)); }

# run: a small real one, with the null encoder so that no vocabulary is needed beyond the files
expect 0 '^record: small.jsonl' run --corpus small.txt --encoder null --schedulers serial,static \
    --threads 1 --rounds 4 --sample 0.2 --processes 1 --output small.jsonl
expect 0 'static' table small.jsonl
# a scenario's own events are counted, unless the command line names others
echo '{"name": "own", "summary": "x", "threads": "1", "rounds": 2, "processes": 1, "sample_ms": 0.2, "events": "page-faults",
       "groups": [{"arm": {"encoder": "null"}}], "arms": [{"label": "a", "role": "baseline", "scheduler": "serial"}]}' >own.json
own="run --scenario ./own.json --corpus small.txt --no-table"
expect 0 '^record: own.jsonl' $own --output own.jsonl
expect 0 '^record: other.jsonl' $own --events context-switches --output other.jsonl
checks=$((checks + 1))
if ! grep -q '"kind":"counter".*"name":"page-faults"' own.jsonl ||
    ! grep -q '"kind":"counter".*"name":"context-switches"' other.jsonl || grep -q '"name":"page-faults"' other.jsonl; then
    echo "FAILED: the events of a scenario: $(grep -h counter own.jsonl other.jsonl)"; failures=$((failures + 1))
fi
# every arm of it tells what code it ran, the same in all of them
hashes=$(grep '"kind":"arm"' small.jsonl | grep -oE '"code_hash":"[0-9a-f]{16}"')
checks=$((checks + 1))
if [ "$(grep -c . <<<"$hashes")" -ne 3 ] || [ "$(sort -u <<<"$hashes" | grep -c .)" -ne 1 ]; then
    echo "FAILED: the hashes of the arms' code: $hashes"; failures=$((failures + 1))
fi
expect 0 '^code  *[0-9a-f]{16} in all arms' table small.jsonl
expect 0 '^   the same code ran in both' compare small.jsonl small.jsonl
# a build that differs in notes and debug information alone is the same code, one constant makes another
if command -v objcopy >/dev/null; then
    cp "$program" other && objcopy --remove-section .comment --add-section .debug_more=small.txt other same
    expect 0 'identical: both builds are the same code' compare --baseline-build "$program" --candidate-build ./same
    objcopy --dump-section .rodata=rodata other /dev/null
    printf 'x' | dd of=rodata bs=1 seek=64 conv=notrunc status=none
    objcopy --update-section .rodata=rodata other changed
    "$program" compare --baseline-build "$program" --candidate-build ./changed --corpus no-such-file >changed.out 2>&1
    checks=$((checks + 1))
    if grep -q identical changed.out || ! grep -q 'no-such-file' changed.out; then
        echo "FAILED: another constant, the same code: $(cat changed.out)"; failures=$((failures + 1))
    fi
fi
expect 2 'no-such-file: cannot open' gate --rules no-such-file small.jsonl
head -c 900 small.jsonl >cut.jsonl
expect 2 '' table no-such-record.jsonl
expect 0 'noise floor' table small.jsonl

# run: arms that compute different things end it, with exit code 5 and no record
cat >differ.json <<'JSON'
{"name": "differ", "summary": "two tokenizers", "threads": "1", "rounds": 2, "time_s": 0,
 "groups": [{"name": "g", "arm": {"encoder": "pcre2"}}],
 "arms": [{"label": "plain", "role": "baseline", "scheduler": "serial", "tokenizer": "plain"},
          {"label": "bench", "role": "patched", "scheduler": "serial", "tokenizer": "bench"}]}
JSON
expect 5 "the outputs differ: arm 'plain' gives .* arm 'bench'" run --scenario differ.json \
    --corpus small.txt --output differ.jsonl
[ ! -e differ.jsonl ] || { echo 'FAILED: a run without samples left a record'; failures=$((failures + 1)); }

# run: an arm whose process dies is a sentence
sed 's/"tokenizer": "bench"/"program": "\/bin\/false"/' differ.json >dies.json
expect 2 "arm 'bench': its process ended with exit code 1" run --scenario dies.json --corpus small.txt \
    --output dies.jsonl
sed 's/"summary"/"sumary"/' differ.json >unnamed.json
expect 2 'needs "name" and "summary"' run --scenario ./unnamed.json --corpus small.txt
sed 's/"rounds": 2,/"rounds": 2/' differ.json >broken.json
expect 2 'broken.json: line 1' run --scenario broken.json --corpus small.txt

# run: Ctrl-C keeps what was measured
sed -e 's/"tokenizer": "[a-z]*"/"free": "caller"/' -e 's/"rounds": 2/"rounds": 1000000/' differ.json >long.json
"$program" run --scenario long.json --corpus small.txt --output long.jsonl >long.out 2>&1 &
run=$!
for _ in $(seq 100); do grep -q '"round":8' long.jsonl 2>/dev/null && break; sleep 0.1; done
kill -INT $run
wait $run
status=$?
checks=$((checks + 1))
if [ $status -ne 0 ] || ! grep -q interrupted long.out || ! grep -q 'noise floor\|pairs' long.out; then
    echo "FAILED: an interrupted run (exit code $status):"; cat long.out; failures=$((failures + 1))
fi

# placement keeps to the process's own limits
if command -v taskset >/dev/null && taskset -c 0 true 2>/dev/null; then
    checks=$((checks + 1))
    taskset -c 0 "$program" topology | grep -q ', 1 PU,' ||
        { echo 'FAILED: topology under taskset -c 0 shows more than one PU'; failures=$((failures + 1)); }
fi

echo "$checks checks, $failures failed"
[ $failures -eq 0 ]
