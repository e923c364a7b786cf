# A record cut off: every command that reads records says so, once, and works on what is left.
for kind in run pipeline; do
    lines=$(grep -c '' "small-$kind-record.jsonl")
    for size in 4000 $(($(stat -c %s "small-$kind-record.jsonl") - 4)); do
        head -c "$size" "small-$kind-record.jsonl" >"$scratch/cut.jsonl"
        for arguments in "table" "table --format json" "table --format csv" "table --format markdown" "table --across" \
            "export --to csv" "export --to bmf" "compare small-$kind-record.jsonl" "gate" "history --database $scratch/cut.sqlite add" \
            "plot --output $scratch/plots" "report --output $scratch/report" "scale" "explain"; do
            # shellcheck disable=SC2086 # the words of a command
            "$program" $arguments "$scratch/cut.jsonl" >"$scratch/out" 2>"$scratch/err"
            code=$?
            [ $code -le 4 ] || fail "$arguments of a cut record: exit code $code"
            [ "$(cat "$scratch/out" "$scratch/err" | grep -v '^ *"' | grep -c 'cut off in line\|did not reach its end')" = 1 ] ||
                fail "$arguments of a $kind record of $lines lines cut at byte $size does not say so once: $(cat "$scratch/err")"
        done
    done
done
