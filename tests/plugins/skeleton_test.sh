#!/bin/sh
# The skeleton of a module builds against the installed tree alone, by CMake and by pkg-config, and
# the installed program runs it. Arguments: the build folder, a scratch folder, the C compiler.
set -eu
build=$1 scratch=$2 compiler=$3
rm -rf "$scratch" && mkdir -p "$scratch"
cmake --install "$build" --prefix "$scratch/installed" >"$scratch/install.log"

cp -r "$scratch/installed/share/grainbench/skeleton" "$scratch/skeleton"
cmake -S "$scratch/skeleton" -B "$scratch/by-cmake" -DCMAKE_C_COMPILER="$compiler" \
    -DCMAKE_PREFIX_PATH="$scratch/installed" -DCMAKE_BUILD_TYPE=Release >"$scratch/configure.log"
cmake --build "$scratch/by-cmake" >"$scratch/build.log"

pc=$(find "$scratch/installed" -name grainbench.pc)
flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --cflags grainbench)
mkdir "$scratch/by-pkg-config"
# shellcheck disable=SC2086 # flags are words
"$compiler" -std=c11 -O2 -Wall -Wextra -Werror -fPIC -shared $flags \
    -o "$scratch/by-pkg-config/skeleton.so" "$scratch/skeleton/skeleton.c" -pthread

for folder in by-cmake by-pkg-config; do
    GRAINBENCH_MODULES="$scratch/$folder" "$scratch/installed/bin/grainbench" list schedulers \
        >"$scratch/list.txt"
    grep -q 'skeleton.*one contiguous share' "$scratch/list.txt" || {
        echo "the skeleton built $folder is not in the list:"
        cat "$scratch/list.txt"
        exit 1
    }
done
