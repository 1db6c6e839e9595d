// Floor: loop
//
// Tells of whatever holds up a loop: a coroutine that computes for long, or calls something that blocks the thread. All other
// coroutines of the loop, its timers and its I/O wait for it.
//
//     weft::run([] {
//         weft::stall_detector watch(100ms);    // the calling thread's loop
//         serve();
//     });
//
//     weft: the loop of thread 4711 has been in one turn for 104 ms, held up by coroutine "reader" (id 17, created at
//     server.cpp:30), which has run for 52 ms of them or more, since it was suspended at server.cpp:41; it is at
//         0x55d0c81f in checksum(std::span<char const>)+0x1c (/usr/bin/server+0x381f)
//         0x55d0c7a2 in serve()+0x52 (/usr/bin/server+0x37a2)
//
// It is not there unless it is made, and then costs a thread that looks at the loop four times per limit. Only a loop that has been
// in one turn for half the limit is disturbed, by a signal: its handler notes who runs, and the call stack. System calls that
// the signal interrupts go on, but for those that never do, which return EINTR (signal(7), "Interruption of system calls": poll(2)
// and nanosleep(2) are among them).

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <weft/loop.hpp>

namespace weft {

/// What holds up a loop. Valid during the call of the report.
struct stall {
    std::int64_t thread = 0;  ///< The loop's: gettid(2).
    clock::duration turn{0};  ///< How long the loop has been in its turn, at least.
    clock::duration run{0};   ///< How long `who` has run in it, at least: much less where many share the blame.
    std::string_view who;  ///< `coroutine "reader" (id 17, created at server.cpp:30)`, or `a posted call or a timer`.
    std::uint64_t coroutine_id = 0;  ///< 0: no coroutine.
    call_site suspended_at;          ///< Where the coroutine had last suspended; unknown if it has just begun.
    /// Where it is; then return addresses, the innermost first. At most 64. Empty if the thread does not answer the signal.
    std::span<void* const> call_stack;
};

/// As shown above, in several lines. Names are those that dladdr(3) knows: link with -rdynamic to have those of the
/// program itself; for the others addr2line(1) takes the file and the offset. Threads: any. Allocates: yes.
[[nodiscard]] std::string to_string(stall const& s);

struct stall_detector_options {
    time_span limit;
    /// Which signal disturbs the loop's thread; 0: SIGURG, which does nothing in a program that knows nothing of it. Its
    /// handler stays installed.
    int signal = 0;
    /// Called when a loop has been held up for the limit, and again each time that has become twice as long. On the
    /// detector's own thread; must not throw. Empty: prints to_string() on stderr.
    std::function<void(stall const&)> report = {};
};

/// Watches the loop of the thread that makes it, until it is destroyed, by the same thread.
class stall_detector {
public:
    explicit stall_detector(time_span limit) : stall_detector(stall_detector_options{.limit = limit}) {}
    /// Throws std::invalid_argument if the limit is not positive, and std::system_error if there is no thread to be had, if
    /// somebody else handles the signal (device_or_resource_busy), or on Windows (not_supported). Ends the program with
    /// a message if the loop is watched already. Suspends: no.
    explicit stall_detector(stall_detector_options options);
    stall_detector(stall_detector const&) = delete;
    stall_detector& operator=(stall_detector const&) = delete;
    ~stall_detector();

private:
    class watch;
    std::unique_ptr<watch> watch_;
};

}  // namespace weft
