#!/bin/sh
# Simulations from the command line: the same to the byte twice, a gate that notices what got worse,
# and refusals that say what to do. $1: the program, $2: the source folder.
set -eu
program=$1
source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "$1" >&2; exit 1; }

i=0
while [ $i -lt 600 ]; do
  echo "line $i of a text whose lines have $((i * 7919 % 61)) and more characters"
  if [ $((i % 5)) -eq 0 ]; then echo; fi
  i=$((i + 1))
done > "$folder/text"

simulate() { "$program" simulate --corpus "$folder/text" --batch 240 --no-bands "$@"; }

simulate --threads 1,16 --schedulers rayon,guided --output "$folder/one.jsonl" | grep -v '^record' > "$folder/one"
simulate --threads 1,16 --schedulers rayon,guided --output "$folder/two.jsonl" | grep -v '^record' > "$folder/two"
cmp "$folder/one" "$folder/two" || fail "two simulations print different things"
cmp "$folder/one.jsonl" "$folder/two.jsonl" || fail "two simulations write different records"

simulate --threads 1,16 --schedulers rayon,guided --no-table --against "$folder/one.jsonl" |
  grep -q 'the same to the last digit' || fail "a build is not equal to itself"

sed 's/"rmw_per_batch": *[0-9.]*/"rmw_per_batch": 1.0/' "$folder/one.jsonl" > "$folder/fewer.jsonl"
code=0
simulate --threads 1,16 --schedulers rayon,guided --no-table --against "$folder/fewer.jsonl" \
  > "$folder/out" || code=$?
[ $code -eq 1 ] || fail "more atomic operations than before gave exit code $code"
grep -q 'rmw_per_batch.*worse' "$folder/out" || fail "the worse metric is not named"

code=0
simulate --threads 16 --schedulers guided --seed 2 --against "$folder/one.jsonl" \
  > /dev/null 2> "$folder/error" || code=$?
[ $code -eq 2 ] && grep -q 'seed' "$folder/error" || fail "another seed was compared"

# The change at an end of a parameter's range is that of a profile with that value.
sensitive="--threads 8 --schedulers rayon,guided --no-table --batches 1"
simulate $sensitive --sensitivity > "$folder/one"
simulate $sensitive --sensitivity > "$folder/two"
cmp "$folder/one" "$folder/two" || fail "two sensitivities are not the same"
sed -n '/^Change against/,$p' "$folder/one" | grep ' guided ' > "$folder/changes"
[ "$(wc -l < "$folder/changes")" -eq 7 ] && sed -n 7p "$folder/changes" | grep -q 'five seeds' ||
  fail "not six parameters and the seeds: $(cat "$folder/changes")"
awk 'NR < 7 { if (NR > 1 && $NF > last) exit 1; last = $NF }' "$folder/changes" ||
  fail "changes are not ordered by their swing"
read -r threads scheduler parameter low sign high rest < "$folder/changes"
value=$(sed -n "s/.*\"$parameter\": {\"typical\": [0-9.e]*, \"low\": [0-9.e]*, \"high\": \([0-9.e]*\),.*/\1/p" \
  "$source/data/machines/vera.json")
sed "s/\"$parameter\": {\"typical\": [0-9.e]*/\"$parameter\": {\"typical\": $value/" \
  "$source/data/machines/vera.json" > "$folder/moved.json"
simulate $sensitive --machine "$folder/moved.json" | grep ' guided ' > "$folder/out"
grep -qF " $high %" "$folder/out" ||
  fail "$parameter at $value changes guided by $high % in the table, but: $(cat "$folder/out")"

code=0
"$program" simulate --machine nowhere > /dev/null 2> "$folder/error" || code=$?
[ $code -eq 2 ] && grep -q 'nowhere' "$folder/error" || fail "an unknown machine: code $code"

code=0
simulate --threads 177 > /dev/null 2> "$folder/error" || code=$?
[ $code -eq 2 ] && grep -q '177' "$folder/error" || fail "too many threads: code $code"

"$program" explore --schedulers guided --seeds 20 | grep -q 'nothing found' ||
  fail "guided does not survive exploration"

"$program" calibrate --rounds 2 --trials 1 --output "$folder/machine.json" > "$folder/out"
grep -q "fence_ns.*measured.*; 2 rounds" "$folder/out" || fail "calibrate prints no fence of two rounds"
[ "$(grep -c '^steal_.*[0-9] %\|^steal_.*n/a .*\(needs a second\|can be$\)' "$folder/out")" -eq 4 ] ||
  fail "calibrate does not print four checks: $(grep '^steal' "$folder/out")"
grep -q '"checks"' "$folder/machine.json" || fail "a calibrated profile has no checks"
simulate --machine "$folder/machine.json" --threads 1 --schedulers serial --no-table > "$folder/out"
grep -q 'serial' "$folder/out" || fail "a calibrated profile cannot be simulated"
if command -v taskset > /dev/null; then
  unit=$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')
  taskset -c "$unit" "$program" calibrate --rounds 1 --trials 1 --output "$folder/one.json" > "$folder/out"
  [ "$(grep -c '^steal_.*n/a  *n/a .*needs a second processing unit' "$folder/out")" -eq 4 ] ||
    fail "one processing unit has checks: $(grep '^steal' "$folder/out")"
  simulate --machine "$folder/one.json" --threads 1 --schedulers serial --no-table > "$folder/out"
  grep -q 'serial' "$folder/out" || fail "a profile of one processing unit cannot be simulated"
fi
code=0
sed 's/"fence_ns"/"fnece_ns"/' "$folder/machine.json" > "$folder/bad.json"
simulate --machine "$folder/bad.json" > /dev/null 2> "$folder/error" || code=$?
[ $code -eq 2 ] && grep -q 'fence_ns' "$folder/error" || fail "a profile without fence_ns: code $code"

# A trace names what surrounds its lines; one without is refused.
if "$program" trace --corpus "$folder/text" --batch 240 --encoder null --passes 2 \
     --output "$folder/null.trace" > "$folder/out" 2> "$folder/error"; then
  head -n 1 "$folder/null.trace" | grep -q '"sections".*"result_bytes"' || fail "a trace has no sections"
  simulate --costs "$folder/null.trace" --threads 2 --schedulers rayon --no-table > "$folder/out"
  grep -q 'rayon' "$folder/out" || fail "a trace cannot be simulated"
  # Predicted beside measured: a plain loop and every arm, each with an error at the recorded speeds.
  simulate --machine "$folder/machine.json" --costs "$folder/null.trace" --threads 1 --batches 0 \
    --schedulers static,rayon --no-table --validate --validate-time 2 --validate-processes 2 \
    --output "$folder/validated.jsonl" > "$folder/out"
  for arm in serial static rayon; do
    grep -Eq "^ +1 +$arm( +[0-9.]+){2,3} +[-+n]" "$folder/out" || fail "no row of $arm: $(cat "$folder/out")"
  done
  # Beside other tests pieces may be disturbed, but not all.
  grep -Eq "^ +1 +[a-z]+( +[0-9.]+){3} +[-+][0-9.]+ % +\\[" "$folder/out" || fail "no error: $(cat "$folder/out")"
  grep -q "processing unit's speed meanwhile" "$folder/out" || fail "a validation is silent on speeds"
  [ "$(grep -c '"prediction_error_at_speeds_low"' "$folder/validated.jsonl")" -eq 2 ] ||
    fail "not an error a validated arm in the record"
  code=0
  simulate --threads 1 --schedulers static --validate > /dev/null 2> "$folder/error" || code=$?
  [ $code -eq 2 ] && grep -q 'grainbench trace' "$folder/error" || fail "validated without a trace: $code"
  sed '1s/"remote_drop"/"remote_dorp"/' "$folder/null.trace" > "$folder/bad.trace"
  code=0
  simulate --costs "$folder/bad.trace" > /dev/null 2> "$folder/error" || code=$?
  [ $code -eq 2 ] && grep -q 'remote_drop' "$folder/error" || fail "a trace without remote_drop: code $code"
else
  grep -q 'vocab\|corpus' "$folder/error" || fail "trace failed: $(cat "$folder/error")"
fi
