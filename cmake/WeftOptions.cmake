# What can be chosen when configuring, and the flags that follow from it.

option(BUILD_SHARED_LIBS "Build a shared library instead of a static one" OFF)
option(WEFT_WERROR "Treat warnings as errors" OFF)
option(WEFT_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_BUILD_APPS "Build the programs in apps/" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_BUILD_BENCH "Build the benchmarks" OFF)
option(WEFT_STACK_CLASH_PROTECTION "Compile users' code so that no large frame steps over a stack's guard" ON)
option(WEFT_PRECOMPILE "Compile the standard headers once for the library" OFF)
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

weft_choice(WEFT_BACKEND auto "What switches contexts" auto asm ucontext sigaltstack winfiber)
weft_choice(WEFT_SANITIZE none "address (with undefined), thread, or memory (clang)" none "" address thread memory)
weft_choice(WEFT_IO_URING auto "Use io_uring through liburing" auto on off)
weft_choice(WEFT_CARES auto "Look up names through c-ares" auto on off)
weft_choice(WEFT_TLS auto "Build weft::tls, over OpenSSL" auto on off)
weft_choice(WEFT_VALGRIND auto "Tell valgrind about stacks" auto on off)

weft_choice(WEFT_BUILD_CHECK auto "Build weft-check; auto: where clang's libraries are" auto on off)
weft_choice(WEFT_CHECK_MUTEXES auto "Find std::mutexes held across a suspension; auto: in debug builds" auto on off)

set(WEFT_TEST_FOLDERS base context stack coroutine wait sync system loop task io tls adapter c gdb model soak valgrind install docs
    CACHE STRING
    "Whose unit tests to build, and which of the other folders of tests/")
set(WEFT_TEST_OPTIONS "" CACHE STRING "Options, as a list, to compile the tests with, after those of the library")
set(WEFT_TEST_TIMEOUT 300 CACHE STRING "Seconds after which a test is taken to hang")
option(WEFT_TEST_WHOLE_PROGRAMS "Run each program of unit tests as one test" OFF)
option(WEFT_TEST_ESSENTIAL "Of the unit tests, build those alone that tests/CMakeLists.txt names so" OFF)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND PROJECT_IS_TOP_LEVEL)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
if(PROJECT_IS_TOP_LEVEL)
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

# The backend: WEFT_BACKEND_KIND is asm, ucontext, sigaltstack or winfiber, WEFT_BACKEND_FILE names its file in src/context/.
# auto is the first of them that there is.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(WEFT_ASM_FILE x86_64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(i[3-6]86|x86_64|amd64|AMD64)$" AND NOT CMAKE_CXX_COMPILER_ABI STREQUAL "ELF X32")
    set(WEFT_ASM_FILE i386)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(WEFT_ASM_FILE aarch64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(arm|aarch64)" AND CMAKE_SIZEOF_VOID_P EQUAL 4)
    set(WEFT_ASM_FILE arm)
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "riscv64")
    set(WEFT_ASM_FILE riscv64)
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "ppc64le")
    set(WEFT_ASM_FILE ppc64le)
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "s390x")
    set(WEFT_ASM_FILE s390x)
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "mips64el" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(WEFT_ASM_FILE mips64el)
endif()
if(WEFT_BACKEND STREQUAL "asm" AND NOT WEFT_ASM_FILE)
    message(FATAL_ERROR "WEFT_BACKEND=asm does not know ${CMAKE_SYSTEM_PROCESSOR}; use WEFT_BACKEND=ucontext")
endif()
if(WIN32)  # other conventions of calling, and a system that has to know of each stack
    if(NOT WEFT_BACKEND MATCHES "^(auto|winfiber)$")
        message(FATAL_ERROR "WEFT_BACKEND=${WEFT_BACKEND} is not there on Windows; use WEFT_BACKEND=winfiber")
    endif()
    set(WEFT_BACKEND_KIND winfiber)
elseif(WEFT_BACKEND STREQUAL "winfiber")
    message(FATAL_ERROR "WEFT_BACKEND=winfiber is for Windows; use WEFT_BACKEND=auto")
elseif(NOT WEFT_BACKEND STREQUAL "auto")
    set(WEFT_BACKEND_KIND ${WEFT_BACKEND})
elseif(WEFT_ASM_FILE)
    set(WEFT_BACKEND_KIND asm)
else()
    include(CheckCXXSymbolExists)
    check_cxx_symbol_exists(makecontext ucontext.h WEFT_HAS_MAKECONTEXT)
    if(WEFT_HAS_MAKECONTEXT)
        set(WEFT_BACKEND_KIND ucontext)
    else()
        set(WEFT_BACKEND_KIND sigaltstack)
    endif()
endif()
if(WEFT_BACKEND_KIND STREQUAL "asm")
    set(WEFT_BACKEND_FILE ${WEFT_ASM_FILE})
else()
    set(WEFT_BACKEND_FILE ${WEFT_BACKEND_KIND})
endif()

# Everything of ours is compiled with these warnings; they do not reach users of the library. clang counts changes of
# sign among conversions and gcc does not: both are held to what gcc means. psabi: notes, on some processors, that gcc 6
# passed some arguments otherwise.
add_library(weft_warnings INTERFACE)
# C is held to C99, without a compiler's extensions.
set(CMAKE_C_STANDARD 99)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
target_compile_options(weft_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Wno-psabi -Wshadow $<$<BOOL:${WEFT_WERROR}>:-Werror>)
if(WIN32)  # gcc 12 takes what <windows.h> reads of the thread's own block, at small addresses, for no array
    target_compile_options(weft_warnings INTERFACE -Wno-array-bounds)
endif()

# Sanitizers have to see all the code, so their flags are not a target's.
if(WEFT_SANITIZE STREQUAL "address")
    set(sanitize_flags -fsanitize=address,undefined)
elseif(WEFT_SANITIZE STREQUAL "thread")
    set(sanitize_flags -fsanitize=thread)
elseif(WEFT_SANITIZE STREQUAL "memory")
    if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "WEFT_SANITIZE=memory needs clang, this is ${CMAKE_CXX_COMPILER_ID}; use the preset msan")
    endif()
    # The C++ library's own objects are built without it, and what they write would count as not written: so std::string
    # and the like are compiled with the program.
    set(sanitize_flags -fsanitize=memory -D_GLIBCXX_EXTERN_TEMPLATE=0)
    # Nor does it see what the kernel writes by io_uring, or what c-ares does.
    set(WEFT_IO_URING off)
    set(WEFT_CARES off)
endif()
if(WEFT_BUILD_FUZZERS)
    if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "WEFT_BUILD_FUZZERS needs clang, this is ${CMAKE_CXX_COMPILER_ID}; use the preset fuzz")
    endif()
    set(sanitize_flags -fsanitize=fuzzer-no-link,address,undefined)
endif()

# The sanitizers have functions of their own before the C library's.
set(WEFT_CHECKS_MUTEXES OFF)
if(WEFT_CHECK_MUTEXES STREQUAL "on" OR (WEFT_CHECK_MUTEXES STREQUAL "auto" AND CMAKE_BUILD_TYPE STREQUAL "Debug"
        AND CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT sanitize_flags))
    set(WEFT_CHECKS_MUTEXES ON)
endif()
if(sanitize_flags)
    add_compile_options(${sanitize_flags} -fno-omit-frame-pointer)
    add_link_options(${sanitize_flags})
endif()
