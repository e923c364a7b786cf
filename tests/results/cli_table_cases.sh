# grainbench table
for format in text markdown csv json; do
    expect 0 "table.$format" table --format "$format" table-record.jsonl
done
expect 0 table-cpu.text table --metric cpu table-record.jsonl
expect 0 table-published.text table ../../data/published/hf-2077-vera.jsonl
expect 0 table-across.text table --across ../../data/published/hf-2077-vera.jsonl table-record.jsonl
for format in text json; do
    expect 0 "table-profile.$format" table --format "$format" profile-record.jsonl
    expect 0 "table-shares.$format" table --across --format "$format" ../../data/published/hf-2077-vera.jsonl \
        ../../data/published/hf-2077-epyc-9124.jsonl table-record.jsonl profile-record.jsonl
done
"$program" table --across --format json ../../data/published/*.jsonl >"$scratch/across.json" || fail "table --across --format json of all"
grep -iwE 'nan|inf(inity)?' "$scratch/across.json" && fail "table --across --format json holds a number that is none"
for format in markdown csv; do
    "$program" table --across --format "$format" ../../data/published/*.jsonl profile-record.jsonl >/dev/null || fail "table --across --format $format"
done

refuse 2 "name a record" table
refuse 2 "nothing.jsonl: cannot open: No such file or directory" table nothing.jsonl
refuse 2 "is not one of text|markdown|csv|json" table --format pdf table-record.jsonl
head -c 20000 table-record.jsonl >"$scratch/cut.jsonl"
"$program" table "$scratch/cut.jsonl" | grep -q "CAUTION.*cut off in line" || fail "a cut record without a caution"
"$program" table table-record.jsonl >/dev/full 2>"$scratch/err"
[ $? = 2 ] || fail "a full disk is not exit code 2"
