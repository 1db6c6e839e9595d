#!/usr/bin/env bash
# Installs a build for another machine into an empty prefix, moves the prefix, builds a consumer against it with the same
# toolchain file, and runs that.
#
#     cross.sh BUILD_DIR TOOLCHAIN_FILE CONFIG EMULATOR...
set -euo pipefail

build=$1 toolchain=$2 config=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --config "$config" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/prefix"
package=$(dirname "$(find "$work/prefix" -name weftConfig.cmake)")
cmake -S "$here/consumer" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_TOOLCHAIN_FILE="$toolchain" \
    -Dweft_DIR="$package" >/dev/null
cmake --build "$work/build" >/dev/null
"${@:4}" "$work/build/consumer"
