#!/bin/bash
# The commands that read records, run as a user runs them: output against expected/, exit codes.
# usage: cli_test.sh PROGRAM [--accept]   (--accept rewrites expected/ from what is printed now)
set -u
program=$1
accept=${2:-}
cd "$(dirname "$0")/../data" || exit 1
expected=../results/expected
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

fail() {
    echo "FAILED: $1"
    failures=$((failures + 1))
}

# expect CODE NAME ARGUMENTS...: standard output must equal expected/NAME
expect() {
    local code=$1 name=$2
    shift 2
    "$program" "$@" >"$scratch/out" 2>"$scratch/err"
    local got=$?
    [ "$got" = "$code" ] || fail "$*: exit code $got, expected $code: $(cat "$scratch/err")"
    if [ "$accept" = --accept ]; then
        cp "$scratch/out" "$expected/$name"
    elif ! diff -u "$expected/$name" "$scratch/out"; then
        fail "$*: the output differs from expected/$name"
    fi
}

# refuse CODE SENTENCE ARGUMENTS...: standard error must hold SENTENCE
refuse() {
    local code=$1 sentence=$2
    shift 2
    "$program" "$@" >"$scratch/out" 2>"$scratch/err"
    local got=$?
    [ "$got" = "$code" ] || fail "$*: exit code $got, expected $code"
    grep -qF -- "$sentence" "$scratch/err" || fail "$*: said '$(cat "$scratch/err")', not '$sentence'"
}

for test in ../results/cli_*_cases.sh; do
    . "$test"
done

[ "$failures" = 0 ] && echo "all as expected" || exit 1
