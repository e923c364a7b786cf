#!/bin/bash
# Every export read by its consumer, or by a check of what that consumer reads.
# usage: export_test.sh PROGRAM
set -u
program=$1
cd "$(dirname "$0")/../data" || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0
fail() { echo "FAILED: $1"; failures=$((failures + 1)); }

record=$scratch/record.jsonl
{
    cat table-record.jsonl
    for arm in 0 1 2 3 4 5; do
        echo "{\"kind\":\"ledger\",\"arm\":$arm,\"exact\":true,\"totals\":{\"rmw\":$((700 + arm / 2)),\"cas\":2}}"
    done
} >"$record"
for format in go bmf google github-bigger github-smaller hyperfine csv markdown; do
    "$program" export --to "$format" "$record" >"$scratch/$format" || fail "export --to $format"
    grep -qiwE 'nan|inf' "$scratch/$format" && fail "$format holds a number that is none"
    "$program" export --to "$format" ../../data/published/hf-2077-vera.jsonl >/dev/null || fail "$format of published figures"
done

if command -v python3 >/dev/null; then
    python3 ../results/export_check.py "$scratch" || fail "the JSON exports"
else
    echo "no python3: the JSON exports were not read"
fi

benchstat=$(command -v benchstat || ls "${GOPATH:-$HOME/go}/bin/benchstat" 2>/dev/null)
if [ -n "$benchstat" ]; then
    "$benchstat" -col /arm "$scratch/go" >"$scratch/benchstat" 2>&1 || fail "benchstat: $(cat "$scratch/benchstat")"
    grep -q 'MiB/s' "$scratch/benchstat" || fail "benchstat shows no throughput"
    grep -q 'rayon-min-len-8' "$scratch/benchstat" || fail "benchstat shows no column of the patched arm"
    grep -q 'exact distribution expected' "$scratch/benchstat" && fail "benchstat found exact counts to vary"
    grep -q 'rmw' "$scratch/benchstat" || fail "benchstat shows no counts"
else
    echo "no benchstat (go install golang.org/x/perf/cmd/benchstat@latest): the Go text was not read by it"
fi
[ "$failures" = 0 ]
