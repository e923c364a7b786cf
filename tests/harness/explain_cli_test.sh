#!/bin/sh
# Plots, reports, profiles, events and explanations from the command line. $1: the program, $2: the
# source folder.
set -eu
program=$1
data=$2/tests/data
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "$1" >&2; exit 1; }
expect_code() { # code command...
  wanted=$1
  shift
  code=0
  "$@" > "$folder/out" 2> "$folder/error" || code=$?
  [ $code -eq "$wanted" ] || { cat "$folder/out" "$folder/error" >&2; fail "exit code $code, not $wanted: $*"; }
}

# Without gnuplot: a clear sentence, and the numbers and scripts all the same.
mkdir "$folder/empty"
expect_code 0 env PATH="$folder/empty" "$program" plot "$data/demo-record.jsonl" --output "$folder/bare"
grep -q 'No pictures were drawn: gnuplot cannot be run' "$folder/out" || fail "no word of the missing gnuplot"
[ -s "$folder/bare/throughput.dat" ] && [ -s "$folder/bare/throughput.gp" ] || fail "no numbers without gnuplot"
[ ! -e "$folder/bare/throughput-light.svg" ] || fail "a picture without gnuplot"
expect_code 0 env PATH="$folder/empty" "$program" report "$data/demo-record.jsonl" --output "$folder/bare-report"
grep -q 'No pictures' "$folder/bare-report/report.html" || fail "the report does not say that it has no pictures"

if command -v gnuplot > /dev/null; then
  # The script beside a picture draws it again, on its own.
  expect_code 0 "$program" plot "$data/demo-record.jsonl" --output "$folder/plots" --theme light --no-png
  [ -s "$folder/plots/change-light.svg" ] || fail "no picture of the change"
  [ ! -e "$folder/plots/change-dark.svg" ] || fail "a dark picture that was not asked for"
  (cd "$folder/plots" && gnuplot -e "theme='dark'; format='svg'; picture='again.svg'" change.gp)
  grep -q '<svg' "$folder/plots/again.svg" || fail "the script does not draw on its own"
  expect_code 0 "$program" plot "$data/demo-record.jsonl" --terminal
  grep -q 'Throughput by thread count' "$folder/out" || fail "no drawing with characters"
fi

expect_code 2 "$program" plot
grep -q 'name a record' "$folder/error" || fail "no hint for a missing record"
expect_code 2 "$program" plot "$data/perf-script-flat.txt"
grep -q 'line 1' "$folder/error" || fail "the bad line is not named"

expect_code 0 "$program" explain "$data/demo-record.jsonl"
grep -q 'useful share' "$folder/out" || fail "no phases"
expect_code 0 "$program" explain "$data/demo-record.jsonl" --format markdown
grep -q '^### What workers do' "$folder/out" || fail "no Markdown"

expect_code 0 "$program" events
grep -q 'task-clock' "$folder/out" || fail "no software events"
expect_code 0 "$program" events r1f25:u
grep -q 'type 4 config 0x1f25 user mode only' "$folder/out" || fail "a raw code is encoded wrongly"
expect_code 2 "$program" events no-such-event

expect_code 0 "$program" profile --perf-script "$data/perf-script-chains.txt" \
  --perf-script-patched "$data/perf-script-flat.txt" --output "$folder/foreign.jsonl"
grep -q '^idle .* 50.00 \[' "$folder/out" || fail "the idle share of the foreign profile"
grep -q '^atomics .* 33.33 \[' "$folder/out" || fail "the atomics share of the patched one"
expect_code 0 "$program" plot "$folder/foreign.jsonl" --output "$folder/foreign" --no-png --theme dark
[ -s "$folder/foreign/symbols.dat" ] || fail "no chart of a foreign profile"
expect_code 2 "$program" profile --perf-script-patched "$data/perf-script-flat.txt"

# A real run, as small as can be, where the vocabulary has been fetched.
i=0
while [ $i -lt 400 ]; do echo "line $i"; i=$((i + 1)); done > "$folder/text"
if "$program" profile --threads 1 --schedulers serial,static --encoder null --corpus "$folder/text" \
  --batch 100 --seconds 0.2 --repeat 1 --events task-clock --folded "$folder/stacks" \
  --firefox "$folder/fire" --output "$folder/own.jsonl" > "$folder/out" 2> "$folder/error"; then
  grep -q "collector .* % of the run's CPU time" "$folder/out" || fail "the collector's cost is not told"
  [ -s "$folder/stacks-0.folded" ] && [ -s "$folder/fire-1.json" ] || fail "no exports"
  grep -q '"kind":"profile"' "$folder/own.jsonl" || fail "no profile in the record"
else
  grep -q 'fetch-data\|not found\|samples' "$folder/error" || { cat "$folder/error" >&2; fail "a small profile failed"; }
fi

# Events by phase, counted in a run of their own; what this machine cannot count is named.
if "$program" run --threads 2 --oversubscribe --schedulers rayon,static --encoder null --corpus "$folder/text" \
  --batch 100 --rounds 2 --events task-clock,no-such-event --output "$folder/events.jsonl" > "$folder/out" 2> "$folder/error"; then
  grep -q 'no-such-event: n/a: ' "$folder/out" || fail "an event that cannot be counted is not named"
  [ "$(grep -c '"kind":"counter"' "$folder/events.jsonl")" -eq 2 ] || fail "not one line of counts an arm"
  if grep -q '"phases":{' "$folder/events.jsonl"; then
    expect_code 0 "$program" explain "$folder/events.jsonl"
    grep -q '^Events by phase: per 1,000 items' "$folder/out" || fail "no table of events by phase"
    # rayon tells collecting from joining, static does not; both have their workers' rows.
    grep -E '^[^ ]*, rayon +2 +task-clock, us( +[0-9.]+\*?){6} +1.000$' "$folder/out" > /dev/null || fail "rayon's phases"
    grep -E '^[^ ]*, static +2 +task-clock, us( +[0-9.]+\*?){3} +-( +[0-9.]+\*?){2} +1.000$' "$folder/out" > /dev/null || fail "static's phases"
    grep -E '^[^ ]*, rayon +task-clock, us +caller' "$folder/out" > /dev/null || fail "no row of the caller"
    expect_code 0 "$program" table "$folder/events.jsonl"
    grep -q '^Events by worker' "$folder/out" || fail "the table has no events"
  fi
else
  grep -q 'fetch-data\|not found' "$folder/error" || { cat "$folder/error" >&2; fail "a run with events failed"; }
fi

# A profile keeps what its scenario gives an arm: another program, another allocator.
cp "$program" "$folder/another-build"
cat > "$folder/arms.json" <<END
{"name": "arms", "summary": "for this test", "tokenizer": "plain", "threads": "1", "batch_lines": 100,
 "groups": [{"name": "this", "arm": {"encoder": "pcre2:cost=reference:storage=heap", "scheduler": "serial"}},
            {"name": "preloaded", "arm": {"encoder": "pcre2:cost=reference:storage=heap", "scheduler": "serial",
                                          "preload": "libjemalloc.so.2"}}],
 "arms": [{"label": "here", "role": "baseline"}, {"label": "there", "role": "patched", "program": "$folder/another-build"}]}
END
expect_code 2 "$program" profile --scenario "$folder/arms.json" --block nowhere --corpus "$folder/text"
grep -q "no block 'nowhere'; it has 'this'" "$folder/error" || grep -q 'fetch-data' "$folder/error" || fail "the blocks are not named"
if "$program" profile --scenario "$folder/arms.json" --corpus "$folder/text" --seconds 0.3 --repeat 1 \
  > "$folder/out" 2> "$folder/error"; then
  grep -q '· another-build$' "$folder/out" || fail "the arm's program was not the one that ran"
  if [ -e /usr/lib/x86_64-linux-gnu/libjemalloc.so.2 ] && ! ldd "$program" | grep -q 'lib[at]san'; then
    expect_code 0 "$program" profile --scenario "$folder/arms.json" --block preloaded --corpus "$folder/text" \
      --seconds 0.3 --repeat 1
    grep -q 'allocator · libjemalloc.so.2' "$folder/out" || fail "no symbol of the preloaded allocator"
    ! grep -q 'allocator · libc.so.6' "$folder/out" || fail "glibc's allocator ran beside the preloaded one"
  fi
else
  grep -q 'fetch-data\|not found\|samples' "$folder/error" || { cat "$folder/error" >&2; fail "a profile of a scenario failed"; }
fi
