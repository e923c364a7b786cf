#!/usr/bin/env bash
# sync.h's native implementation costs nothing: the machine code of hot paths written through it is,
# instruction for instruction, that of the same paths written on C11 atomics.
# usage: hot_path_test.sh SYNC.o DIRECT.o
set -u
command -v objdump >/dev/null || { echo "skipped: objdump is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# "function: instruction" lines, without addresses and comments
code() {
    objdump -d --no-show-raw-insn --no-addresses "$1" 2>/dev/null |
        sed -n -e '/file format/d' -e 's/^<\(.*\)>:$/\1:/p' -e 's/^[[:space:]]\{1,\}//' -e 's/[[:space:]]*#.*//' -e '/^[a-z]/p'
}
code "$1" >"$folder/sync.txt"
code "$2" >"$folder/direct.txt"
for path in claim lock unlock latch_probe latch_set is_empty publish pop pause; do
    for file in sync direct; do
        grep -q "^hot_$path:" "$folder/$file.txt" || { echo "FAILED: no code of hot_$path in $file"; exit 1; }
    done
done
if diff "$folder/direct.txt" "$folder/sync.txt"; then
    echo "$(grep -vc ':$' "$folder/sync.txt") instructions, all the same"
else
    echo "FAILED: the code through sync.h (>) differs from the code on C11 atomics (<)"
    exit 1
fi
