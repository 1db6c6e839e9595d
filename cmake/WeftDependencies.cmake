# What the library is built on, and `weft_private`: what its own sources and its tests see, and users do not.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig QUIET)

add_library(weft_private INTERFACE)
target_include_directories(weft_private INTERFACE "${PROJECT_SOURCE_DIR}/src")

# A large frame touches each of its pages in turn, so that none steps over a guard.
include(CheckCXXCompilerFlag)
if(NOT WIN32)  # there all code does it, as the system lets stacks grow a page at a time
    set(CMAKE_REQUIRED_FLAGS -Werror)  # clang takes the option on all processors, and says of some that it does nothing there
    check_cxx_compiler_flag(-fstack-clash-protection WEFT_HAS_STACK_CLASH_PROTECTION)
    unset(CMAKE_REQUIRED_FLAGS)
endif()
if(WEFT_HAS_STACK_CLASH_PROTECTION)
    target_compile_options(weft_private INTERFACE -fstack-clash-protection)
endif()
# The same for users' functions, which run on weft's stacks. clang knows the option on some processors only, and warns on others.
set(weft_public_options "")
if(WEFT_HAS_STACK_CLASH_PROTECTION AND WEFT_STACK_CLASH_PROTECTION)
    set(weft_public_options "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fstack-clash-protection>"
        "$<$<COMPILE_LANG_AND_ID:C,GNU>:-fstack-clash-protection>")
endif()

if(WIN32)  # Windows 8: WaitOnAddress, GetCurrentThreadStackLimits
    target_compile_definitions(weft_private INTERFACE _WIN32_WINNT=0x0602 WIN32_LEAN_AND_MEAN NOMINMAX)
endif()

set(WEFT_HAS_IO_URING OFF)
if(NOT WEFT_IO_URING STREQUAL "off")
    if(PkgConfig_FOUND)
        pkg_check_modules(LIBURING QUIET IMPORTED_TARGET GLOBAL liburing)
    endif()
    if(LIBURING_FOUND)
        set(WEFT_HAS_IO_URING ON)
        target_compile_definitions(weft_private INTERFACE WEFT_HAS_IO_URING=1)
        target_link_libraries(weft_private INTERFACE PkgConfig::LIBURING)
    elseif(WEFT_IO_URING STREQUAL "on")
        message(FATAL_ERROR "WEFT_IO_URING=on, but pkg-config finds no liburing; install liburing-dev or leave it on auto")
    endif()
endif()

set(WEFT_HAS_CARES OFF)
if(NOT WEFT_CARES STREQUAL "off")
    if(PkgConfig_FOUND)
        pkg_check_modules(CARES QUIET IMPORTED_TARGET GLOBAL libcares>=1.16)
    endif()
    if(CARES_FOUND)
        set(WEFT_HAS_CARES ON)
        target_compile_definitions(weft_private INTERFACE WEFT_HAS_CARES=1)
    elseif(WEFT_CARES STREQUAL "on")
        message(FATAL_ERROR "WEFT_CARES=on, but pkg-config finds no libcares >= 1.16; install libc-ares-dev or leave it on auto")
    endif()
endif()

set(WEFT_HAS_TLS OFF)
if(NOT WEFT_TLS STREQUAL "off" AND NOT WIN32)
    find_package(OpenSSL 3.0 QUIET)
    if(OPENSSL_FOUND)
        set(WEFT_HAS_TLS ON)
    elseif(WEFT_TLS STREQUAL "on")
        message(FATAL_ERROR "WEFT_TLS=on, but there is no OpenSSL >= 3.0; install libssl-dev or leave it on auto")
    endif()
endif()

if(NOT WEFT_VALGRIND STREQUAL "off")
    find_path(WEFT_VALGRIND_INCLUDE valgrind/valgrind.h)
    if(WEFT_VALGRIND_INCLUDE)
        target_compile_definitions(weft_private INTERFACE WEFT_HAS_VALGRIND=1)
        target_include_directories(weft_private SYSTEM INTERFACE "${WEFT_VALGRIND_INCLUDE}")
    elseif(WEFT_VALGRIND STREQUAL "on")
        message(FATAL_ERROR "WEFT_VALGRIND=on, but there is no valgrind/valgrind.h; install valgrind or leave it on auto")
    endif()
endif()

find_path(WEFT_SDT_INCLUDE sys/sdt.h)  # detail/base/trace.hpp finds it by itself; a test wants to know

# Other people's loops, for the tests and the examples of the adapters: weft_glib, weft_libuv, weft_asio, where they are.
if((WEFT_BUILD_TESTS OR WEFT_BUILD_EXAMPLES) AND PkgConfig_FOUND AND NOT CMAKE_CROSSCOMPILING)
    set(names glib libuv)
    set(modules glib-2.0 libuv)
    foreach(name module IN ZIP_LISTS names modules)
        pkg_check_modules(weft_${name} QUIET IMPORTED_TARGET GLOBAL ${module})
        if(weft_${name}_FOUND)
            add_library(weft_${name} ALIAS PkgConfig::weft_${name})
        endif()
    endforeach()
    find_path(WEFT_ASIO_INCLUDE asio/io_context.hpp)
    if(WEFT_ASIO_INCLUDE)
        add_library(weft_asio INTERFACE)
        target_include_directories(weft_asio SYSTEM INTERFACE "${WEFT_ASIO_INCLUDE}")
        target_link_libraries(weft_asio INTERFACE Threads::Threads)
    endif()
endif()
