# The common part of the toolchain files: weft_triplet, weft_processor and weft_qemu are set, and weft_qemu_cpu where the emulator's
# default is not what a program may expect.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${weft_processor})
set(CMAKE_C_COMPILER ${weft_triplet}-gcc)
set(CMAKE_CXX_COMPILER ${weft_triplet}-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR "${weft_qemu};-L;/usr/${weft_triplet}")
if(weft_qemu_cpu)
    list(APPEND CMAKE_CROSSCOMPILING_EMULATOR -cpu ${weft_qemu_cpu})
endif()
set(CMAKE_FIND_ROOT_PATH /usr/${weft_triplet})
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
