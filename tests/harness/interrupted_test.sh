#!/usr/bin/env bash
# A signal that ends the program takes along what it had begun to write, and nothing else.
# usage: interrupted_test.sh PROGRAM SOURCE_DIR
set -u
program=$1 record=$2/tests/data/demo-record.jsonl
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
mkdir tools temporary
export PATH=$folder/tools:$PATH TMPDIR=$folder/temporary GNUTERM=
failures=0

fail() {
    echo "FAILED: $1"
    failures=$((failures + 1))
}

# A gnuplot that begins a picture and ends the program that called it in the middle of it.
cat >tools/gnuplot <<'SCRIPT'
#!/bin/sh
case "$*" in
*format=*)
    echo '<svg>' >begun.svg
    kill -s "$SIGNAL" $PPID
    i=0
    while kill -0 $PPID 2>/dev/null && [ $i -lt 20 ]; do i=$((i + 1)); sleep 0.05; done
    ;;
*) echo 'gnuplot 5.4 patchlevel 4' ;;
esac
SCRIPT
chmod +x tools/gnuplot

# expect_gone SIGNAL FOLDER ARGUMENTS...: ended by the signal, FOLDER as it was
expect_gone() {
    local signal=$1 target=$2 before code
    shift 2
    before=$(find "$target" 2>&1 | sort)
    SIGNAL=$signal "$program" "$@" </dev/null >out 2>&1
    code=$?
    [ $code = $((128 + $(kill -l "$signal"))) ] || fail "$* with SIG$signal: exit code $code: $(cat out)"
    [ "$(find "$target" 2>&1 | sort)" = "$before" ] || fail "$* with SIG$signal: left $(find "$target")"
}

mkdir mine
echo notes >mine/notes
for signal in INT TERM HUP; do
    expect_gone $signal new plot "$record" --output new
    expect_gone $signal mine plot "$record" --output mine
    expect_gone $signal new report "$record" --output new
    expect_gone $signal mine report "$record" --output mine
    expect_gone $signal temporary plot "$record" --terminal
done
[ "$(cat mine/notes)" = notes ] || fail 'what was in the folder is not as it was'

# A program that was told to ignore hang-ups goes on, and finds that there is no picture.
(
    trap '' HUP
    SIGNAL=HUP "$program" plot "$record" --output stays >out 2>&1
)
[ $? = 2 ] && grep -q 'throughput-light.svg' out || fail "with SIGHUP ignored: $(cat out)"
[ ! -e stays ] || fail "with SIGHUP ignored: left $(find stays)"

# begun PATTERN: waits until there is such a file
begun() {
    local i
    for ((i = 0; i < 200; i++)); do
        compgen -G "$1" >/dev/null && return
        sleep 0.05
    done
    fail "$1 does not come"
}

# The folder is begun before the text has come.
mkfifo text
"$program" train text --output learned >out 2>&1 &
exec 3<>text
begun 'learned/.begun-*'
kill -s TERM $!
wait $! 2>/dev/null
[ $? = 143 ] || fail "train with SIGTERM: $(cat out)"
exec 3>&-
[ ! -e learned ] || fail "train left $(find learned)"

# What needs no name has none, so that not even SIGKILL leaves it.
"$program" simulate --machine vera --threads 88 --schedulers rayon --no-bands --no-table >out 2>&1 &
sleep 0.5
kill -s KILL $!
wait $! 2>/dev/null
[ -z "$(ls -A temporary)" ] || fail "simulate left $(find temporary)"

[ $failures = 0 ] && echo 'nothing is left behind'
exit $((failures != 0))
