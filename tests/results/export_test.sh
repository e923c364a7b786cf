#!/bin/bash
# Exports read by those who are to read them: one consumer a run, so that each that is not installed
# shows as a skipped test with its reason (exit code 77).
# usage: export_test.sh PROGRAM numbers|refusals|json|benchstat|google|schemas|sqlite|markdown
set -u
program=$1
consumer=$2
cd "$(dirname "$0")/../data" || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0
fail() { echo "FAILED: $1"; failures=$((failures + 1)); }
skip() { echo "skipped: $1"; exit 77; }

# The first python that has the module, if there is any.
python_with() {
    local python
    for python in python3 /usr/bin/python3; do
        "$python" -c "import $1" 2>/dev/null && echo "$python" && return 0
    done
    return 1
}

record=$scratch/record.jsonl
{
    cat table-record.jsonl
    for arm in 0 1 2 3 4 5; do
        echo "{\"kind\":\"ledger\",\"arm\":$arm,\"exact\":true,\"totals\":{\"rmw\":$((700 + arm / 2)),\"cas\":2}}"
    done
} >"$record"
published=../../data/published/hf-2077-vera.jsonl

export_as() { # FORMAT FILE [RECORD]
    "$program" export --to "$1" "${3:-$record}" >"$scratch/$2" || fail "export --to $1"
}

# No format holds a number that is none, whatever the record holds.
check_numbers() {
    for format in go bmf google github-bigger github-smaller hyperfine csv markdown; do
        for source in "$record" demo-record.jsonl golden-record-schema-1.jsonl "$published"; do
            "$program" export --to "$format" "$source" >"$scratch/out" 2>"$scratch/err" ||
                grep -q "holds no\|holds neither" "$scratch/err" || fail "$format of $source: $(cat "$scratch/err")"
            grep -iwE 'nan|inf(inity)?' "$scratch/out" && fail "$format of $source holds a number that is none"
        done
    done
}

# What a format cannot say is refused, in place of a file that says nothing.
check_refusals() {
    grep -v '"metric":"throughput"' "$published" >"$scratch/shares.jsonl"
    refused() { # FORMAT RECORD SENTENCE
        "$program" export --to "$1" "$2" >"$scratch/out" 2>"$scratch/err"
        [ $? = 2 ] || fail "$1 of $2 was not refused"
        [ -s "$scratch/out" ] && fail "$1 of $2 was refused and written"
        grep -qF "$3" "$scratch/err" || fail "$1 of $2: said '$(cat "$scratch/err")'"
    }
    for format in google hyperfine csv; do
        refused "$format" "$published" "holds no samples, which this format is made of"
    done
    refused github-smaller "$published" "published throughput goes into github-bigger"
    for format in go bmf github-bigger; do
        refused "$format" "$scratch/shares.jsonl" "the record holds n"
    done
    # A machine that is always busy: every sample tainted. All are kept, and that is said.
    sed 's/"duration_ns"/"tainted":"run-queue wait","duration_ns"/' table-record.jsonl | sed 's/,* *"tainted": "[^"]*"//' >"$scratch/busy.jsonl"
    [ "$("$program" export --to go "$scratch/busy.jsonl" | grep -c ^Benchmark)" = 240 ] || fail "tainted samples of a busy machine were left out"
    "$program" export --to go "$scratch/busy.jsonl" | grep -q '^tainted-samples: kept' || fail "nothing tells that tainted samples were kept"
    [ "$("$program" export --to go table-record.jsonl | grep -c ^Benchmark)" = 237 ] || fail "the three tainted samples were not left out"
}

# By the formats' documented shapes: Google Benchmark, github-action-benchmark, hyperfine, CSV.
check_json() {
    command -v python3 >/dev/null || skip "no python3"
    for format in google github-bigger github-smaller hyperfine csv; do
        export_as "$format" "$format"
    done
    python3 ../results/export_check.py "$scratch" || fail "the JSON exports"
}

check_benchstat() {
    local benchstat
    benchstat=$(command -v benchstat || ls "${GOPATH:-$HOME/go}/bin/benchstat" 2>/dev/null) ||
        skip "no benchstat (go install golang.org/x/perf/cmd/benchstat@latest)"
    export_as go go
    "$benchstat" -col /arm "$scratch/go" >"$scratch/out" 2>&1 || fail "benchstat: $(cat "$scratch/out")"
    grep -q 'MiB/s' "$scratch/out" || fail "benchstat shows no throughput"
    grep -q 'rayon-min-len-8' "$scratch/out" || fail "benchstat shows no column of the patched arm"
    grep -q 'exact distribution expected' "$scratch/out" && fail "benchstat found exact counts to vary"
    grep -A3 -w 'rmw' "$scratch/out" | grep -q '701.0' || fail "benchstat shows no counts"
    export_as go published "$published"
    "$benchstat" -col /arm "$scratch/published" >"$scratch/out" 2>&1 || fail "benchstat, published: $(cat "$scratch/out")"
    grep -q '19.57' "$scratch/out" || fail "benchstat shows no published throughput: $(cat "$scratch/out")"
}

check_google() {
    local python tool=/usr/share/benchmark/compare.py
    [ -f "$tool" ] || skip "no compare.py of Google Benchmark (Debian: libbenchmark-tools)"
    python=$(python_with scipy) || skip "compare.py needs scipy (Debian: python3-scipy)"
    export_as google google.json
    "$python" "$tool" --no-color --display_aggregates_only filters "$scratch/google.json" arm=rayon/ arm=rayon-min-len-8/ \
        >"$scratch/out" 2>&1 || fail "compare.py: $(cat "$scratch/out")"
    [ "$(grep -c 'U Test, Repetitions: 39 vs 40$' "$scratch/out")" = 2 ] || fail "compare.py did not pair the repetitions: $(cat "$scratch/out")"
    # 3.1 % less time at one thread and 2.9 % at two: the geometric mean of both.
    grep -q 'OVERALL_GEOMEAN  *-0\.030' "$scratch/out" || fail "compare.py sees another change: $(cat "$scratch/out")"
}

# The record itself, and Bencher's format, by a validator of JSON schemas.
check_schemas() {
    local python
    python=$(python_with jsonschema) || skip "no validator of JSON schemas (Debian: python3-jsonschema)"
    export_as bmf bmf
    export_as bmf bmf-published "$published"
    "$python" ../results/schema_check.py ../results/bmf.schema.json "$scratch/bmf" "$scratch/bmf-published" || fail "Bencher Metric Format"
    "$python" ../results/schema_check.py --lines ../../docs/record.schema.json "$record" demo-record.jsonl \
        golden-record-schema-1.jsonl ../../data/published/*.jsonl || fail "the record's schema"
    # The schema can fail: a sample without a duration, a negative count of workers.
    sed 's/"duration_ns"/"duration"/' "$record" >"$scratch/bad.jsonl"
    "$python" ../results/schema_check.py --lines ../../docs/record.schema.json "$scratch/bad.jsonl" >/dev/null 2>&1 && fail "the schema accepts a sample without duration"
    echo '{"a/threads=1":{"mib-per-second":{"lower_value":1}}}' >"$scratch/bad"
    "$python" ../results/schema_check.py ../results/bmf.schema.json "$scratch/bad" >/dev/null 2>&1 && fail "the schema accepts a metric without value"
}

check_sqlite() {
    command -v sqlite3 >/dev/null || skip "no sqlite3"
    export_as csv samples.csv
    sqlite3 -batch :memory: ".import --csv $scratch/samples.csv samples" \
        "select count(*), sum(tainted <> ''), count(distinct name), min(cast(duration_ns as integer)) > 0,
         sum(abs(bytes * 1e9 / duration_ns / 1048576 - throughput) > 1e-6 * throughput) from samples" >"$scratch/out" 2>&1
    [ "$(cat "$scratch/out")" = "240|3|6|1|0" ] || fail "sqlite3 reads the CSV as $(cat "$scratch/out")"
}

check_markdown() {
    command -v cmark-gfm >/dev/null || skip "no cmark-gfm"
    export_as markdown markdown
    cmark-gfm -e table "$scratch/markdown" >"$scratch/out" || fail "cmark-gfm"
    [ "$(grep -c '<table>' "$scratch/out")" = 1 ] || fail "not one table: $(cat "$scratch/out")"
    [ "$(grep -c '<tr>' "$scratch/out")" = 3 ] || fail "not a title and two rows"
    [ "$(grep -c '<td ' "$scratch/out")" = 12 ] || fail "not six cells a row"
    grep -q '<td align="left">faster</td>' "$scratch/out" || fail "no verdict in a cell"
    grep -q '<li>noise floor: ' "$scratch/out" || fail "the facts are no list"
    grep '|' "$scratch/out" && fail "a row was not taken for one"
}

case $consumer in
numbers | refusals | json | benchstat | google | schemas | sqlite | markdown) "check_$consumer" ;;
*) echo "no such consumer: $consumer"; exit 1 ;;
esac
[ "$failures" = 0 ]
