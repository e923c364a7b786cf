#!/bin/sh
# A simulation of every built-in scheduler is the stored one to the byte, whichever compiler and
# whichever options made the program: a gate on simulated cores must not move with them.
# usage: simulate_exact_test.sh PROGRAM [--accept]
# Where the model, a profile or a scheduler changes on purpose, --accept writes the table anew.
set -eu
program=$1
expected=$(dirname "$0")/expected/simulate-$(uname -m).txt
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
schedulers=serial,rayon,rayon:collect=place,rayon:call=install:core=1.10,rayon-min-len,rayon-windows,\
static,static-bytes,counter,guided,bytes-steal,counter-tree,groups,adaptive

i=0
while [ $i -lt 600 ]; do
  echo "line $i of a text whose lines have $((i * 7919 % 61)) and more characters"
  i=$((i + 1))
done > "$folder/text"

# epyc-9124 has lines of 64 bytes, m3 has lines of 128.
for arguments in "epyc-9124 --threads 1,16,32" "m3 --threads 12"; do
  # shellcheck disable=SC2086
  "$program" simulate --corpus "$folder/text" --batch 240 --batches 2 --no-bands --no-table \
    --schedulers "$schedulers" --machine $arguments >> "$folder/now"
done

if [ "${2:-}" = --accept ]; then cp "$folder/now" "$expected"; fi
if [ ! -f "$expected" ]; then
  echo "no table is stored for $(uname -m)"
  exit 77
fi
diff "$expected" "$folder/now" || { echo "simulated figures are not those of $expected" >&2; exit 1; }
