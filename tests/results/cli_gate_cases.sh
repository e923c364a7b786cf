# grainbench gate and compare: exit codes of every outcome, on variations of one record
slower=$scratch/slower.jsonl
# Patched samples (arms 2 and 5) take 10 % longer than they did.
awk '/"kind": "sample"/ && /"arm": (2|5),/ { match($0, /"duration_ns": [0-9]+/)
         ns = substr($0, RSTART + 15, RLENGTH - 15)
         sub(/"duration_ns": [0-9]+/, sprintf("\"duration_ns\": %.0f", ns * 1.1)) } { print }' \
    table-record.jsonl >"$slower"
few=$scratch/few.jsonl
awk '!/"kind": "sample"/ || /"round": [0-3],/' table-record.jsonl >"$few"
tainted=$scratch/tainted.jsonl
sed 's/"items": 128457}/"items": 128457, "tainted": "steal"}/' table-record.jsonl >"$tainted"

expect 0 gate-passed.text gate table-record.jsonl
expect 1 gate-regression.text gate "$slower"
expect 3 gate-inconclusive.text gate "$few"
expect 4 gate-unfit.text gate "$tainted"
refuse 2 "name one record, or two builds, or ask for --self-test" gate
refuse 2 "cannot open" gate nothing.jsonl

# A record of several groups names each row's.
sed -E 's/("kind": "arm", "arm": [0-2],)/\1 "group": "small",/; s/("kind": "arm", "arm": [3-5],)/\1 "group": "large",/' \
    table-record.jsonl >"$scratch/groups.jsonl"
expect 0 gate-groups.text gate "$scratch/groups.jsonl"
"$program" compare "$scratch/groups.jsonl" "$scratch/groups.jsonl" | grep -q '^large  2' || fail "compare: groups are not named"

rules=$scratch/rules.json
echo '[{"metric": "throughput", "arms": "nobody", "threshold": 0.02}]' >"$rules"
refuse 2 "gate rule 1: no patched arm is called 'nobody'" gate --rules "$rules" table-record.jsonl
echo '[{"metric": "ledger.rmw", "threshold": 0}]' >"$rules"
refuse 2 "metric 'ledger.rmw' of arm 'rayon': the record has no such line" gate --rules "$rules" table-record.jsonl
echo '[{"metric": "speed", "threshold": 0}]' >"$rules"
refuse 2 "metric 'speed' is neither throughput nor cpu nor KIND.PATH" gate --rules "$rules" table-record.jsonl
echo '[{"metric": "throughput", "treshold": 0}]' >"$rules"
refuse 2 "unknown member 'treshold'" gate --rules "$rules" table-record.jsonl
echo '[]' >"$rules"
refuse 2 "no gate rules" gate --rules "$rules" table-record.jsonl

# Exact counts: equal passes, one more is a regression, an optional one that is missing is skipped.
counted=$scratch/counted.jsonl
add_counts() {
    cat table-record.jsonl
    for arm in 0 2 3 5; do
        echo "{\"kind\":\"ledger\",\"arm\":$arm,\"totals\":{\"rmw\":$((7 + ($1 * (arm == 5))))}}"
    done
}
echo '[{"metric": "ledger.totals.rmw", "threshold": 0}]' >"$rules"
add_counts 0 >"$counted"
expect 0 gate-counts-equal.text gate --rules "$rules" "$counted"
add_counts 1 >"$counted"
sed 's/"kind":"ledger",/&"exact":false,/' "$counted" >"$scratch/inexact.jsonl"
expect 3 gate-counts-inexact.text gate --rules "$rules" "$scratch/inexact.jsonl"
expect 1 gate-counts-more.text gate --rules "$rules" "$counted"

# Events are found by name; where they could not be counted the record says why, once.
events=$scratch/events.jsonl
add_events() {
    cat table-record.jsonl
    for arm in 0 2 3 5; do
        printf '{"kind":"counter","arm":%d,"events":[{"name":"page-faults","per_item":0.003},' $arm
        printf '{"name":"instructions","per_item":%d}]}\n' $((400 + $1 * (arm == 5)))
    done
}
echo '[{"metric": "counter.events.instructions.per_item", "threshold": 0.01, "optional": true},
       {"metric": "throughput", "threshold": 0.02}]' >"$rules"
add_events 0 >"$events"
expect 0 gate-events-equal.text gate --rules "$rules" "$events"
add_events 10 >"$events"
expect 1 gate-events-more.text gate --rules "$rules" "$events"
expect 0 gate-optional.text gate --rules "$rules" table-record.jsonl
{
    cat table-record.jsonl
    for arm in 0 2 3 5; do
        echo "{\"kind\":\"counter\",\"arm\":$arm,\"unavailable\":[{\"name\":\"instructions\",\"why\":\"this machine has no counter for it\"}]}"
    done
} >"$events"
expect 0 gate-events-unavailable.text gate --rules "$rules" "$events"
sed -i 's/, "optional": true//' "$rules"
refuse 2 "arm 'rayon': this machine has no counter for it" gate --rules "$rules" "$events"
echo '[{"metric": "counter.events.instructions.per_item", "threshold": 0.01, "optional": true}]' >"$rules"
expect 3 gate-nothing-compared.text gate --rules "$rules" "$events"
sed 's/"unavailable":\[[^]]*\]/"unavailable":"the arm died"/' "$events" >"$scratch/died.jsonl"
"$program" gate --rules "$rules" "$scratch/died.jsonl" | grep -q "^not compared: .*: the arm died$" ||
    fail "gate: why a whole line is unavailable is not said"

# Two builds
refuse 2 "give both --baseline-build and --candidate-build" gate --baseline-build .
refuse 2 "holds no program 'grainbench'" gate --baseline-build . --candidate-build .
"$program" gate --baseline-build "$program" --candidate-build "$program" >"$scratch/out" 2>&1 ||
    fail "a build against itself is not exit code 0"
grep -q identical "$scratch/out" || fail "a build against itself is not called identical"

refuse 2 "name two records, or two builds" compare table-record.jsonl
"$program" compare table-record.jsonl "$slower" | grep -q "they differ" || fail "compare: a change of 10 % is not seen"
"$program" compare table-record.jsonl table-record.jsonl | grep -q "may be equal" || fail "compare: a record differs from itself"
