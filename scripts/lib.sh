# shellcheck shell=bash disable=SC2034 # the lists are used by those who source this
# Shared by the scripts beside it: messages, packages, building. Sourced, not run.

say() { printf '== %s\n' "$*"; }
fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 2
}

# What the program needs, and what only some features or tests need (each is optional).
required_packages=(gcc libc6-dev cmake ninja-build pkg-config git curl ca-certificates
    libhwloc-dev libpcre2-dev libjansson-dev libsqlite3-dev libxxhash-dev)
feature_packages=(libpfm4-dev libdw-dev gnuplot-nox fonts-inter libopenblas-dev)
test_packages=(libcmocka-dev spin g++ libtbb-dev jq gcc-aarch64-linux-gnu qemu-user-static)
# Readers of the exports and checkers of the scripts; a test that misses one is skipped and says so.
# scipy, for Google Benchmark's compare.py, is the heavy one: 31 MB to fetch, 239 MB installed.
reader_packages=(python3 python3-jsonschema python3-scipy libbenchmark-tools sqlite3 cmark-gfm shellcheck)
reader_modules=(golang.org/x/perf/cmd/benchstat github.com/rhysd/actionlint/cmd/actionlint)

# install_packages NAME...: installs the Debian packages that are missing, as root or with sudo,
# without asking.
install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        fail "this is no Debian system; install the equivalents of: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "run as root, or install sudo, or install: ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends "${missing[@]}" >/dev/null
}

# try_packages NAME...: the same for packages that may be missing: one failure is not the end.
try_packages() {
    local package
    for package in "$@"; do
        (install_packages "$package") >/dev/null 2>&1 || say "not available: $package (a feature less)"
    done
}

# try_go_tools MODULE...: programs written in Go that are missing, where there is a go to install them.
try_go_tools() {
    local module
    for module in "$@"; do
        command -v "${module##*/}" >/dev/null && continue
        [ ! -x "${GOPATH:-$HOME/go}/bin/${module##*/}" ] || continue
        if ! command -v go >/dev/null; then
            say "not available: ${module##*/} (there is no go; a test less)"
        elif ! go install "$module@latest" >/dev/null 2>&1; then
            say "not available: ${module##*/} (a test less)"
        fi
    done
}

# build PRESET TARGET [CMAKE-ARGUMENT...]: configures and builds, quietly unless it fails.
build() {
    local preset=$1 target=$2 log
    shift 2
    log=$(mktemp)
    say "building ($preset)"
    if ! cmake --preset "$preset" "$@" >"$log" 2>&1 ||
        ! cmake --build --preset "$preset" --target "$target" >>"$log" 2>&1; then
        tail -n 60 "$log" >&2
        rm -f "$log"
        fail "the $preset build failed"
    fi
    sed -n 's/^-- \(  [a-z_]*: .*\)/\1/p' "$log"
    rm -f "$log"
}
