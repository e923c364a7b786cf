#!/usr/bin/env bash
# The ledger command from outside: the same table twice, what it refuses, and its record.
# usage: ledger_cli_test.sh PROGRAM
# A change of the counts is a change of the schedulers: where it is meant, write the table anew with
#     grainbench ledger --threads 1 --schedulers rayon,counter:window=8
set -u
program=$(realpath "$1")
expected=$(dirname "$(realpath "$0")")/expected/ledger-$(uname -m).txt
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0
note() { echo "FAILED: $*"; failures=$((failures + 1)); }

"$program" ledger --threads 1 --schedulers rayon,counter:window=8,static >first.txt || note "it ended with exit code $?"
"$program" ledger --threads 1 --schedulers rayon,counter:window=8,static >second.txt
cmp -s first.txt second.txt || note "two runs at one worker differ"
grep -q '^Exact: ' first.txt || note "counts at one worker are not called exact"
grep -q '^joins  *7\.0 ' first.txt || note "rayon at one worker does not join 7 times"
grep -q '^leaves .* 8\.0 .* 125\.0 .* 1\.0 ' first.txt || note "leaves are not 8, 125 and 1"

if [ -f "$expected" ]; then
    "$program" ledger --threads 1 --schedulers rayon,counter:window=8 >table.txt
    diff "$expected" table.txt || note "the counts are not those of $expected"
fi

"$program" ledger --threads 3 --no-sites --batches 2 >several.txt || note "three threads: exit code $?"
grep -q 'not the same in every run' several.txt || note "counts at three workers are called exact"

refuse() { # pattern, arguments...
    local pattern=$1
    shift
    "$program" ledger "$@" >out.txt 2>err.txt
    local code=$?
    [ $code -eq 2 ] || note "ledger $*: exit code $code instead of 2"
    grep -q -- "$pattern" err.txt || note "ledger $*: '$(cat err.txt)' lacks '$pattern'"
}
refuse "there is no scheduler 'rayn'" --schedulers rayn
refuse "has no option 'grain'" --schedulers rayon:grain=3
refuse 'no operands' big.txt
refuse 'threads' --threads 0
refuse 'items' --items 0
refuse 'no/such/folder' --output no/such/folder/ledger.jsonl

"$program" ledger --threads 1 --output ledger.jsonl >/dev/null || note "with a record: exit code $?"
[ "$(grep -c '"kind": *"ledger"' ledger.jsonl)" -eq 2 ] || note "the record does not hold 2 ledgers"
grep -q '"provenance": *"counted"' ledger.jsonl || note "the record does not say that it was counted"
echo '[{"metric": "ledger.totals.rmw", "threshold": 0}]' >rules.json
"$program" gate --rules rules.json ledger.jsonl >gate.txt || note "the gate does not pass fewer operations"
"$program" table ledger.jsonl >again.txt || note "the table of the record: exit code $?"
grep -q '^shared rmw  *16\.0  *0\.0' again.txt || note "the table of the record lacks the 16 operations of rayon"
tail -1 ledger.jsonl | grep -q '"kind": *"end"' || note "the record has no end"

[ $failures -eq 0 ] && echo "all as expected"
[ $failures -eq 0 ]
