#!/usr/bin/env bash
# Installs a build into an empty prefix, moves the prefix, and builds consumers against it: by find_package(weft), by
# pkg-config, and one header at a time; in C++, with TLS where it was built, and in C, there with each compiler, shared
# and static.
#
#     run.sh BUILD_DIR COMPILER LIBDIR CONFIG
set -euo pipefail

build=$1 compiler=$2 libdir=$3 config=$4
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill $server; rm -rf "$work"' EXIT
tls_pc=$work/prefix/$libdir/pkgconfig/weft-tls.pc

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
    [[ ! -e $tls_pc || -e $work/build/tls_consumer ]] || { echo "find_package() finds no weft::tls" >&2; return 1; }
    [[ ! -e $tls_pc ]] || "$work/build/tls_consumer"
}

use_pkg_config() {
    PKG_CONFIG_PATH="$work/prefix/$libdir/pkgconfig" pkg-config "$@"
}

build_by_pkg_config() {
    local flags
    read -ra flags <<<"$(use_pkg_config --cflags --libs "$2")"
    "$compiler" -std=c++20 "$here/consumer/$1.cpp" -o "$work/$1" "${flags[@]}"
    LD_LIBRARY_PATH="$work/prefix/$libdir" "$work/$1"
}

consume_by_pkg_config() {
    build_by_pkg_config consumer weft
    [[ ! -e $tls_pc ]] || build_by_pkg_config tls_consumer weft-tls
}

consume_in_c_by_find_package() {
    cmake -S "$here/c_consumer" -B "$work/c_build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
    cmake --build "$work/c_build" >/dev/null
    "$work/c_build/c_consumer"
}

# Sends a line to the server that runs as $1, and expects it back.
echoes() {
    local port line
    : >"$work/port"
    "$1" >"$work/port" &
    server=$!
    until read -r port <"$work/port" && [[ $port == listening* ]]; do
        kill -0 $server || return 1
    done
    exec 3<>"/dev/tcp/127.0.0.1/${port##* }"
    echo hello >&3
    read -r line <&3
    exec 3<&-
    kill $server
    wait $server || true
    server=
    [[ $line == hello ]]
}

check_c_programs() {
    LD_LIBRARY_PATH="$work/prefix/$libdir" echoes "$work/echo_server"
    export LD_LIBRARY_PATH="$work/prefix/$libdir"
    [[ $("$work/generator" | tr '\n' ' ') == "1 2 3 4 5 " ]]
    [[ $("$work/producer_consumer" | wc -l) == 10 ]]
    "$work/c_consumer"
    "$work/qemu_consumer"
    "$work/qemu_2011_consumer"
    unset LD_LIBRARY_PATH
}

# consume_in_c_with COMPILER PKG_CONFIG_OPTION COMPILER_OPTION...
consume_in_c_with() {
    local flags file name
    read -ra flags <<<"$(use_pkg_config --cflags --libs "$2" weft-c)"
    for file in "$here"/../../examples/c/*.c "$here"/c_consumer/*.c; do
        name=$(basename "$file" .c)
        rm -f "$work/$name"
        # What the linker says of getaddrinfo() in static programs is shown only if something fails.
        "$1" -std=c99 -Wall -Wextra -pedantic -Werror "$file" -o "$work/$name" \
            -I"$(use_pkg_config --variable=compatdir weft-c)" "${flags[@]}" "${@:3}" 2>"$work/messages" ||
            { cat "$work/messages" >&2; return 1; }
    done
    check_c_programs
}

consume_in_c_by_pkg_config() {
    local c_compiler
    for c_compiler in gcc clang; do
        command -v $c_compiler >/dev/null || continue
        consume_in_c_with $c_compiler --shared
        [[ ! -e $work/prefix/$libdir/libweft.a ]] || consume_in_c_with $c_compiler --static -static
    done
}

# The compiler cache, if there is one, knows headers that did not change since: paths are relative to the prefix's folder.
each_header_stands_alone() {
    local flags header cache=() include=$work/prefix/include
    command -v ccache >/dev/null && cache=(env "CCACHE_BASEDIR=$work" CCACHE_NOHASHDIR=1 ccache)
    read -ra flags <<<"$(use_pkg_config --cflags weft)"
    cd "$work"
    for header in $(cd "$include" && find weft -maxdepth 1 -name '*.hpp') weft/weft.h; do
        echo "#include <$header>" >alone.cpp
        "${cache[@]}" "$compiler" -std=c++20 -Wall -Wextra -Werror "${flags[@]}" -c alone.cpp -o alone.o ||
            { echo "<$header> does not compile by itself" >&2; return 1; }
    done
    for header in $(cd "$include" && find weft/c weft/weft.h weft/compat -name '*.h'); do
        echo "#include <$header>" >alone.c
        "${cache[@]}" gcc -std=c99 -Wall -Wextra -pedantic -Werror "${flags[@]}" -I"$include/weft/compat" -c alone.c \
            -o alone.o || { echo "<$header> does not compile by itself in C" >&2; return 1; }
    done
}

for step in install_and_move nothing_names_the_build consume_by_find_package consume_by_pkg_config \
    consume_in_c_by_find_package consume_in_c_by_pkg_config each_header_stands_alone; do
    $step
    echo "$step: ok"
done
