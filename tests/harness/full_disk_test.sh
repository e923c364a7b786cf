#!/usr/bin/env bash
# A full disk: what was there stays, what was begun is gone, exit code 2 and one sentence.
# usage: full_disk_test.sh PROGRAM SOURCE_DIR. In a file system of its own, where the kernel lets us.
set -u
program=$1 source=$2
if [ "${3:-}" != inside ]; then
    unshare -rm true 2>/dev/null || exit 77
    exec unshare -rm "$0" "$program" "$source" inside
fi
disk=$(mktemp -d)
mount -t tmpfs -o size=128k full "$disk" || exit 77
trap 'cd /; umount "$disk"; rmdir "$disk"' EXIT
cd "$disk" || exit 1
export XDG_CACHE_HOME=$disk/cache GNUTERM=
failures=0

fail() {
    echo "FAILED: $1"
    failures=$((failures + 1))
}

# expect_full PATTERN ARGUMENTS...: exit code 2, a sentence, and no file that was not there before
expect_full() {
    local pattern=$1 output code before
    shift
    before=$(find . -type f -exec cksum {} + | sort; find . -type d | sort)
    output=$("$program" "$@" 2>&1 </dev/null)
    code=$?
    [ $code = 2 ] || fail "$*: exit code $code"
    grep -qE -- "$pattern" <<<"$output" && ! grep -q begun <<<"$output" || fail "$*: said '$output'"
    [ "$(find . -type f -exec cksum {} + | sort; find . -type d | sort)" = "$before" ] ||
        fail "$*: left other files: $(find .)"
}

printf 'Hello world\n\nthe second line of a small text\n' >small.txt
record=$source/tests/data/demo-record.jsonl
run="run --corpus small.txt --encoder null --schedulers serial,static --threads 1 --processes 1 --no-table"
pipeline="pipeline --synthetic rows=64:blocks=4 --consumer sleep:us=10 --rounds 2"

# No room at all: an older record is kept, and none appears.
echo 'an older record' >old.jsonl
dd if=/dev/zero of=fill bs=1k 2>/dev/null
expect_full 'No space left' $run --rounds 2 --sample 0.2 --output new.jsonl
expect_full 'old.jsonl: .*No space left' $run --rounds 2 --sample 0.2 --output old.jsonl
expect_full 'No space left' $pipeline --output new.jsonl
expect_full 'old.jsonl: .*No space left' $pipeline --output old.jsonl
expect_full 'No space left' ledger --schedulers rayon --threads 1 --output new.jsonl
expect_full 'No space left' simulate --machine vera --threads 2 --schedulers static --batches 1 --no-bands --no-table \
    --corpus small.txt --output new.jsonl
expect_full 'No space left' plot "$record" --output plots
expect_full 'No space left' report "$record" --output report
expect_full 'disk is full|disk I/O error' history add "$record" --database history.sqlite
rm fill
dd if=/dev/zero of=fill bs=1k count=116 2>/dev/null
expect_full 'disk is full|disk I/O error' history add "$record" --database history.sqlite
rm fill

# Room for a part: no part of a folder, no half vocabulary, no half trace.
head -c 60000 "$record" >text
mkdir plots && echo mine >plots/notes
dd if=/dev/zero of=fill bs=1k count=30 2>/dev/null
expect_full 'No space left|is the disk full' plot "$record" --output plots
expect_full 'No space left|is the disk full' plot "$record" --output new-plots
expect_full 'No space left|is the disk full' report "$record" --output new-report
expect_full 'No space left' train --builtin-corpus vocabulary
dd if=/dev/zero of=more bs=1k count=32 2>/dev/null
expect_full 'trace.json: cannot be written' pipeline --synthetic rows=2048:blocks=64 --consumer sleep:us=1 \
    --rounds 2 --trace trace.json
rm fill more

# Room for some samples: they stay, in whole lines, and the program says so.
output=$("$program" $run --rounds 20000 --sample 0.05 --output part.jsonl 2>&1)
[ $? = 2 ] || fail "a run that fills the disk is not exit code 2: $output"
grep -q 'No space left.*part.jsonl holds what was measured until then' <<<"$output" ||
    fail "a run that fills the disk said: $output"
[ "$(tail -c 1 part.jsonl)" = "" ] || fail "the record ends in half a line"
grep -q '"kind":"sample"' part.jsonl || fail "the samples are gone"
[ -z "$(find . -name '*begun*')" ] || fail "drafts are left: $(find . -name '*begun*')"
[ "$failures" = 0 ] && echo "all as expected" || exit 1
