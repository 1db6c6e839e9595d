# Debian's mingw-w64, with threads of POSIX's kind; programs run under wine.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
# The programs find their libraries without a PATH of wine's.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# pkg-config knows this machine's libraries, not the other's.
set(PKG_CONFIG_EXECUTABLE "")
set(WEFT_IO_URING off CACHE STRING "")
set(WEFT_VALGRIND off CACHE STRING "")
# GoogleTest for the other machine is built from Debian's sources.
set(WEFT_GOOGLETEST_SOURCE /usr/src/googletest CACHE PATH "")
# A wine of the build's own, that says only what the programs say, and starts no debugger where one is meant to crash. Its
# server's folder is a temporary one that Debian's wine never removes: it stays in the build.
set(CMAKE_CROSSCOMPILING_EMULATOR
    "${CMAKE_COMMAND};-E;env;TMPDIR=${CMAKE_BINARY_DIR};WINEPREFIX=${CMAKE_BINARY_DIR}/wine;WINEDEBUG=-all;WINEDLLOVERRIDES=mscoree,mshtml,winedbg.exe=;wine")
