#!/bin/bash
# The workflow by actionlint (which hands its run steps to shellcheck), the scripts by shellcheck.
# usage: scripts_test.sh SOURCE-FOLDER workflow|shell
set -u
cd "$1" || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0
fail() { echo "FAILED: $1"; failures=$((failures + 1)); }
skip() { echo "skipped: $1"; exit 77; }
workflow=scripts/ci/github-workflow.yml

check_workflow() {
    local actionlint
    actionlint=$(command -v actionlint || ls "${GOPATH:-$HOME/go}/bin/actionlint" 2>/dev/null) ||
        skip "no actionlint (go install github.com/rhysd/actionlint/cmd/actionlint@latest)"
    command -v shellcheck >/dev/null || skip "actionlint needs shellcheck for the run steps"
    "$actionlint" -shellcheck shellcheck "$workflow" || fail "actionlint"
    # It does find faults: an output that no step gives, a script that cannot be parsed.
    sed 's/steps\.checks\./steps.nothing./; s/github\.event\./github.evnt./' "$workflow" >"$scratch/bad.yml"
    "$actionlint" -shellcheck shellcheck "$scratch/bad.yml" >/dev/null && fail "actionlint accepts a context that does not exist"
    # Every script of the tree that the workflow calls is there and may be run.
    for script in $(grep -oE 'scripts/[a-z/-]*[a-z](\.sh)?' "$workflow" | sort -u); do
        case $script in
        *.sh) [ -r "$script" ] || fail "$script is not there" ;;
        *) [ -x "$script" ] || fail "$script is no program" ;;
        esac
    done
}

check_shell() {
    command -v shellcheck >/dev/null || skip "no shellcheck"
    for script in $(git ls-files scripts 2>/dev/null || find scripts -type f); do
        head -n 1 "$script" | grep -qE '^#!.*(ba)?sh$|^# shellcheck' || continue
        shellcheck --external-sources --severity=warning "$script" || fail "$script"
    done
}

case $2 in
workflow | shell) "check_$2" ;;
*) fail "no such part: $2" ;;
esac
[ "$failures" = 0 ]
