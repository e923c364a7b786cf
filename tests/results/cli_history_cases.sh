# grainbench history
database=$scratch/history.sqlite
expect 0 history-add.text history --database "$database" add table-record.jsonl ../../data/published/hf-2077-vera.jsonl
expect 0 history-again.text history --database "$database" add table-record.jsonl
"$program" history --database "$database" list >"$scratch/out" || fail "history list"
[ "$(grep -c hf-2077 "$scratch/out")" = 2 ] || fail "history list does not show two records"
"$program" history --database "$database" show 1 | diff - "$expected/table.text" >/dev/null || fail "history show 1 is not the record's table"
for day in $(seq 10 29); do # twenty runs; from the 20th of the month on 8 % slower
    slow=$((day >= 20 ? 108 : 100))
    awk -v day="$day" -v slow="$slow" '{ sub(/2026-11-21/, "2026-10-" day) } match($0, /"duration_ns": [0-9]+/) {
        ns = substr($0, RSTART + 15, RLENGTH - 15)
        sub(/"duration_ns": [0-9]+/, sprintf("\"duration_ns\": %.0f", ns * slow / 100 * (1 + day % 3 / 1000))) } { print }' \
        table-record.jsonl >"$scratch/day-$day.jsonl"
done
trend=$scratch/trend.sqlite
"$program" history --database "$trend" add "$scratch"/day-*.jsonl >/dev/null || fail "history add of twenty records"
"$program" history --database "$trend" trend >"$scratch/out" || fail "history trend"
[ "$(grep -c '^  -7.4 % at record 11, 2026-10-20' "$scratch/out")" = 4 ] || fail "history trend: $(cat "$scratch/out")"
refuse 2 "holds no record 99" history --database "$database" show 99
refuse 2 "say add, list, show or trend" history
refuse 2 "unable to open database file" history --database /nonexistent/x.sqlite list
refuse 2 "is it a record of grainbench?" history --database "$database" add ../results/cli_test.sh
