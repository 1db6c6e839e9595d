# What can be chosen when configuring, and the flags that follow from it.

option(BUILD_SHARED_LIBS "Build a shared library instead of a static one" OFF)
option(WEFT_WERROR "Treat warnings as errors" OFF)
option(WEFT_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_BUILD_APPS "Build the programs in apps/" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_BUILD_BENCH "Build the benchmarks" OFF)
option(WEFT_BUILD_FUZZERS "Build the fuzzers (needs clang)" OFF)

# weft_choice(NAME DEFAULT HELP VALUE...): a cache variable that takes one of the values.
function(weft_choice name default help)
    set(${name} "${default}" CACHE STRING "${help}")
    set_property(CACHE ${name} PROPERTY STRINGS ${ARGN})
    if(NOT "${${name}}" IN_LIST ARGN)
        list(JOIN ARGN ", " values)
        message(FATAL_ERROR "${name} is \"${${name}}\"; it can be: ${values}")
    endif()
endfunction()

weft_choice(WEFT_BACKEND auto "What switches contexts" auto asm ucontext)
weft_choice(WEFT_SANITIZE none "address (with undefined) or thread" none "" address thread)
weft_choice(WEFT_IO_URING auto "Use io_uring through liburing" auto on off)
weft_choice(WEFT_VALGRIND auto "Tell valgrind about stacks" auto on off)

set(WEFT_TEST_FLOORS context stack coroutine sync loop task io c CACHE STRING "Whose unit tests to build")
set(WEFT_TEST_LAUNCHER "" CACHE STRING "A command, as a list, to run each test program under")
set(WEFT_TEST_TIMEOUT 60 CACHE STRING "Seconds that one unit test may take")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND PROJECT_IS_TOP_LEVEL)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
if(PROJECT_IS_TOP_LEVEL)
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

# The backend: WEFT_BACKEND_KIND is asm or ucontext, WEFT_BACKEND_FILE names its file in src/context/.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(WEFT_ASM_FILE x86_64)
endif()
if(WEFT_BACKEND STREQUAL "asm" AND NOT WEFT_ASM_FILE)
    message(FATAL_ERROR "WEFT_BACKEND=asm does not know ${CMAKE_SYSTEM_PROCESSOR}; use WEFT_BACKEND=ucontext")
endif()
if(WEFT_ASM_FILE AND NOT WEFT_BACKEND STREQUAL "ucontext")
    set(WEFT_BACKEND_KIND asm)
    set(WEFT_BACKEND_FILE ${WEFT_ASM_FILE})
else()
    set(WEFT_BACKEND_KIND ucontext)
    set(WEFT_BACKEND_FILE ucontext)
endif()

# Everything of ours is compiled with these warnings; they do not reach users of the library. clang counts changes of
# sign among conversions and gcc does not: both are held to what gcc means.
add_library(weft_warnings INTERFACE)
target_compile_options(weft_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Wshadow $<$<BOOL:${WEFT_WERROR}>:-Werror>)

# Sanitizers have to see all the code, so their flags are not a target's.
if(WEFT_SANITIZE STREQUAL "address")
    set(sanitize_flags -fsanitize=address,undefined)
elseif(WEFT_SANITIZE STREQUAL "thread")
    set(sanitize_flags -fsanitize=thread)
endif()
if(WEFT_BUILD_FUZZERS)
    if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "WEFT_BUILD_FUZZERS needs clang, this is ${CMAKE_CXX_COMPILER_ID}; use the preset fuzz")
    endif()
    set(sanitize_flags -fsanitize=fuzzer-no-link,address,undefined)
endif()
if(sanitize_flags)
    add_compile_options(${sanitize_flags} -fno-omit-frame-pointer)
    add_link_options(${sanitize_flags})
endif()
