#!/usr/bin/env bash
# Installs a build into an empty prefix, moves the prefix, and builds a consumer against it: by find_package(weft), by
# pkg-config, and one header at a time.
#
#     run.sh BUILD_DIR COMPILER LIBDIR CONFIG
set -euo pipefail

build=$1 compiler=$2 libdir=$3 config=$4
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

install_and_move() {
    cmake --install "$build" --config "$config" --prefix "$work/first" >/dev/null
    mv "$work/first" "$work/prefix"
}

nothing_names_the_build() {
    local found
    if found=$(grep -rlF -e "$build" -e "$work/first" --include='*.cmake' --include='*.pc' "$work/prefix"); then
        echo "installed files name a folder of the build: $found" >&2
        return 1
    fi
}

consume_by_find_package() {
    cmake -S "$here/consumer" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
    cmake --build "$work/build" >/dev/null
    "$work/build/consumer"
}

use_pkg_config() {
    PKG_CONFIG_PATH="$work/prefix/$libdir/pkgconfig" pkg-config "$@" weft
}

consume_by_pkg_config() {
    local flags
    read -ra flags <<<"$(use_pkg_config --cflags --libs)"
    "$compiler" -std=c++20 "$here/consumer/consumer.cpp" -o "$work/consumer" "${flags[@]}"
    LD_LIBRARY_PATH="$work/prefix/$libdir" "$work/consumer"
}

each_header_stands_alone() {
    local flags header include=$work/prefix/include
    read -ra flags <<<"$(use_pkg_config --cflags)"
    for header in $(cd "$include" && find weft -maxdepth 1 -name '*.hpp'); do
        echo "#include <$header>" |
            "$compiler" -std=c++20 -Wall -Wextra -Werror -fsyntax-only -x c++ "${flags[@]}" - ||
            { echo "<$header> does not compile by itself" >&2; return 1; }
    done
}

for step in install_and_move nothing_names_the_build consume_by_find_package consume_by_pkg_config \
    each_header_stands_alone; do
    $step
    echo "$step: ok"
done
