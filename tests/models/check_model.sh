#!/usr/bin/env bash
# Explores a model exhaustively with SPIN: as it is there must be no error, and with its known
# defect (BROKEN) there must be one, or the model would show nothing.
# usage: check_model.sh MODEL.pml
set -u
model=$(realpath "$1")
for tool in spin gcc; do
    command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

explore() { # BROKEN value; leaves the report in report.txt
    spin -a -DBROKEN="$1" "$model" >spin.txt 2>&1 || { cat spin.txt; echo "FAILED: spin rejects $model"; exit 1; }
    gcc -w -DSAFETY -DMEMLIM=1024 -o pan pan.c || { echo "FAILED: pan.c does not compile"; exit 1; }
    timeout 60 ./pan -m200000 >report.txt 2>&1
}
errors() { sed -n 's/.*errors: \([0-9]*\)$/\1/p' report.txt; }

explore 0
if [ "$(errors)" != 0 ] || grep -q 'max search depth too small\|reached -DMEMLIM' report.txt; then
    cat report.txt
    echo "FAILED: the model has an error or was not explored to the end"
    exit 1
fi
states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' report.txt)
explore 1
if [ "$(errors)" != 1 ]; then
    cat report.txt
    echo "FAILED: the broken variant shows no error"
    exit 1
fi
echo "$(basename "$model"): $states states, no error; broken: $(sed -n 's/^pan:[0-9]*: \(.*\) (at.*/\1/p' report.txt)"
