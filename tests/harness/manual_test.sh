#!/usr/bin/env bash
# The man page renders without a complaint and holds every option of every command; completions parse.
# usage: manual_test.sh PROGRAM
set -u
program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0
note() { echo "FAILED: $*"; failures=$((failures + 1)); }

"$program" --man >"$folder/page.1"
if command -v groff >/dev/null; then
    complaints=$(groff -man -Tutf8 -ww -z "$folder/page.1" 2>&1)
    [ -z "$complaints" ] || note "groff: $complaints"
fi
# Dashes are written as \- in the page.
sed 's/\\-/-/g' "$folder/page.1" >"$folder/page.txt"
commands=$("$program" --help | sed -n 's/^  \([a-z-]*\)  *[a-z].*/\1/p')
[ "$(wc -w <<<"$commands")" -gt 3 ] || note "the list of commands was not understood"
for shell in bash zsh fish; do "$program" --completion $shell >"$folder/$shell"; done
options=0
for name in $commands; do
    for option in $("$program" "$name" --help | sed -n 's/^ .*  *\(--[a-z][a-z0-9-]*\)\( .*\)\{0,1\}$/\1/p' | grep -o -- '^--[a-z0-9-]*'); do
        options=$((options + 1))
        grep -q -- "$option" "$folder/page.txt" || note "the man page lacks $name $option"
        for shell in bash zsh; do
            grep -q -- "$option" "$folder/$shell" || note "the $shell completion lacks $name $option"
        done
        grep -q -- "-l ${option#--} " "$folder/fish" || note "the fish completion lacks $name $option"
    done
done
[ $options -gt 10 ] || note "only $options options were found"
bash -n "$folder/bash" || note "the bash completion does not parse"
echo "$options options checked, $failures failed"
[ $failures -eq 0 ]
