# The tests on Windows: those of Linux itself are left out, and the others run under wine.

# See docs/platforms.md for what is not there on Windows.
set(weft_tests_of_linux
    context/signals_test.cpp
    stack/guard_test.cpp           # fork, signals, the limit of mappings
    stack/memory_test.cpp          # /proc
    coroutine/fork_test.cpp
    coroutine/thread_end_test.cpp  # threads end there without unwinding
    coroutine/overflow_test.cpp    # signals; overflow_windows_test.cpp stands for it
    coroutine/scale_test.cpp       # counts what Linux counts, up to a million at once
    coroutine/threads_test.cpp     # /proc
    loop/foreign_test.cpp          # descriptors
    loop/fork_test.cpp
    loop/loop_test.cpp             # descriptors, and the choice among Linux's reactors; portable_test.cpp stands for it
    loop/idle_test.cpp             # /proc
    loop/post_test.cpp             # signal handlers
    loop/stall_test.cpp            # signals
    system/reactor_test.cpp        # descriptors
    system/readiness_test.cpp      # descriptors
    system/ring_test.cpp           # io_uring
    task/dump_test.cpp             # descriptors
    task/loop_end_test.cpp         # exit() in a coroutine
    task/thread_end_test.cpp       # threads end there without unwinding
    # std::latch and its like of libstdc++ 12 lose wake-ups where there is no futex, so that these would hang now and then:
    task/move_to_test.cpp
    task/offload_test.cpp
    task/runtime_test.cpp)
set(weft_c_tests_of_linux
    io_test.c           # descriptors
    qemu_waits_test.c)  # sockets

# Before them, wine's own directory in the build is made, and its server and services started, once for all; they would hold
# the output of the test that starts them, and ctest waits for the end of that.
set(in_wine ${CMAKE_CROSSCOMPILING_EMULATOR})
list(POP_BACK in_wine)
add_test(NAME wine.begin
    COMMAND ${in_wine} sh -c "exec >/dev/null 2>&1; wineserver --persistent=120; wine wineboot --init")
# It may have ended by itself: then there is nothing to kill, which wineserver counts as a failure.
add_test(NAME wine.end COMMAND ${in_wine} sh -c "wineserver --kill; wineserver --wait")
set_tests_properties(wine.begin PROPERTIES FIXTURES_SETUP wine TIMEOUT 300)
set_tests_properties(wine.end PROPERTIES FIXTURES_CLEANUP wine)
set(weft_test_fixture FIXTURES_REQUIRED wine)
