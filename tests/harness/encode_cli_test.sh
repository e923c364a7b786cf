#!/usr/bin/env bash
# `grainbench encode` and `grainbench train` from the command line: output, messages, exit codes.
# usage: encode_cli_test.sh PROGRAM
set -u
program=$1
failures=0
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# expect NAME CODE OUTPUT COMMAND...: standard input comes from $folder/in; OUTPUT is a pattern over
# both streams.
expect() {
    local name=$1 code=$2 pattern=$3 output got
    shift 3
    output=$("$@" <"$folder/in" 2>&1)
    got=$?
    if [ "$got" != "$code" ]; then
        echo "$name: exit code $got instead of $code: $output"
        failures=$((failures + 1))
    elif [[ "$output" != $pattern ]]; then
        echo "$name: says '$output' instead of '$pattern'"
        failures=$((failures + 1))
    fi
}

# A model of our own: nothing needs to be fetched.
printf 'the then there the them\n' >"$folder/text"
: >"$folder/in"
expect 'train' 0 '*vocab.json: 262 tokens*merges.txt: 5 merges' \
    "$program" train --vocab-size 262 --output "$folder/model" "$folder/text"
expect 'train without output' 2 '*needs FILE and --output DIR*' "$program" train "$folder/text"
expect 'train on nothing' 2 '*the text is empty*' "$program" train -o "$folder/model2" "$folder/in"
expect 'train, file missing' 2 "*/nowhere: cannot open*" "$program" train -o "$folder/model2" /nowhere
printf 'a\xffb' >"$folder/latin"
expect 'train on bytes' 2 '*byte 0xff at offset 1 is not UTF-8*' "$program" train -o "$folder/model2" "$folder/latin"
expect 'train, output not writable' 2 '*cannot make the folder*' "$program" train -o /proc/none/x "$folder/text"

encode=("$program" encode --vocab "$folder/model/vocab.json" --merges "$folder/model/merges.txt")
printf 'the' >"$folder/in"
expect 'encode' 0 '[0-9]*' "${encode[@]}"
"${encode[@]}" "$folder/text" >"$folder/ids"
expect 'decode' 0 'the then there the them' "${encode[@]}" --decode "$folder/ids"
printf '12 x7' >"$folder/in"
expect 'decode a word' 2 "*'x7' at offset 3 is not an id" "${encode[@]}" --decode
printf '99999' >"$folder/in"
expect 'decode an unknown id' 2 '*id 99999 (number 1) is not one of the 262 ids*' "${encode[@]}" --decode
printf 'ok\nab\xe2\x82' >"$folder/in"
expect 'invalid UTF-8' 2 '*line 2: byte 0xe2 at offset 5 is not UTF-8; --invalid replace*' "${encode[@]}"
expect 'invalid UTF-8 replaced' 0 '[0-9]*' "${encode[@]}" --invalid replace
printf '{"text": "the"}\n' >"$folder/in"
expect 'JSON lines' 0 '{"text":"the","ids":\[*"tokens":\[*"words":\[0*"offsets_bytes":\[\[0,*"offsets_chars":*' \
    "${encode[@]}" --json-lines
expect 'JSON lines, trimmed' 0 '*"offsets_chars_trim":*' "${encode[@]}" --json-lines --trim
printf '{"text": "the"}\n{"text": \n' >"$folder/in"
expect 'bad JSON' 2 '*line 2: not JSON*' "${encode[@]}" --json-lines
printf '{"body": "the"}\n' >"$folder/in"
expect 'JSON without text' 2 '*line 1: needs an object with a string "text"*' "${encode[@]}" --json-lines
: >"$folder/in"
expect 'nothing to encode' 0 '0 ids cbf29ce484222325' "${encode[@]}" --digest
expect 'two shapes at once' 2 '*exclude each other*' "${encode[@]}" --per-line --whole
expect 'trim alone' 2 '*--trim goes with --json-lines*' "${encode[@]}" --trim
expect 'unknown encoder' 2 "*there is no encoder 'quick'*" "${encode[@]}" --encoder quick
expect 'JSON lines of nothing' 2 '*the null encoder has no tokens*' bash -c "echo '{\"text\": \"the\"}' | ${encode[*]} --json-lines --encoder null"
expect 'unknown encoder option' 2 "*has no option 'speed'*" "${encode[@]}" --encoder pcre2:speed=9
expect 'missing file' 2 '*/nowhere: cannot open*' "${encode[@]}" /nowhere
head -c 300 "$folder/model/vocab.json" >"$folder/cut.json"
expect 'truncated vocabulary' 2 '*cut.json: line 1*' "$program" encode --vocab "$folder/cut.json" \
    --merges "$folder/model/merges.txt"
printf '#version: 0.2\nt h\nthe\n' >"$folder/bad.txt"
expect 'merges with a bad line' 2 '*bad.txt: line *' "$program" encode \
    --vocab "$folder/model/vocab.json" --merges "$folder/bad.txt"

# Both ways of naming lines agree, CR LF and a missing last line end included.
printf 'the\r\n\nthem' >"$folder/crlf"
[ "$("${encode[@]}" --per-line "$folder/crlf" | wc -l)" = 3 ] || {
    echo "three lines do not give three lines of ids"
    failures=$((failures + 1))
}
[ "$failures" = 0 ] && echo "all as expected"
exit "$failures"
