// Floor: context. See <weft/detail/context/jump.hpp>.
//
// The one thing that a POSIX system without makecontext() runs on a stack of our choice is a signal's handler:
//
//      make()                                       handler, on the new stack
//      sigaltstack(new stack), raise(SIGUSR2)  -->  _setjmp(environment)
//      <------------------------------------------  return
//      put all back as it was
//      ...
//      begin()  _longjmp(environment)  ---------->  _setjmp() returns 1: entry(base, word)
//
// The second time, the frame in the handler is one that has returned, but nothing else has run on its stack since. What the
// system had put above that frame for the signal is dead, and lost to the coroutine: 1 to 4 KiB of its stack.

#include "context/jump.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace weft::context {

struct start {
    saved context;
    entry_record* base;
    entry_function entry;
};

namespace {

/// A handler is the whole process's, so only one context is made at a time.
constinit std::mutex making;

// A fork() while another thread makes one would leave the lock held, and the handler in place, in the child.
void before_fork() {
    making.lock();
}
void after_fork() {
    making.unlock();
}
[[maybe_unused]] int const watches_fork = pthread_atfork(before_fork, after_fork, after_fork);

/// Standard, and the one that has the least other uses. It may still be sent to the program meanwhile.
constexpr int signal_used = SIGUSR2;

/// The `start` of the context that is being made, and how many bytes below it are its signal stack.
constinit std::atomic<std::uintptr_t> being_made{0};
constinit std::atomic<std::uintptr_t> area_size{0};
struct sigaction earlier;

/// What was sent to another thread while the handler was in place; of the thread that makes a context, all are blocked.
void pass_on(int signal, siginfo_t* info, void* machine) {
    if ((earlier.sa_flags & SA_SIGINFO) != 0) {
        earlier.sa_sigaction(signal, info, machine);
    } else if (earlier.sa_handler == SIG_DFL) {
        sigaction(signal, &earlier, nullptr);
        raise(signal);  // blocked until the handler returns, and then it ends the program
    } else if (earlier.sa_handler != SIG_IGN) {
        earlier.sa_handler(signal);
    }
}

void on_signal(int signal, siginfo_t* info, void* machine) {
    std::uintptr_t place = being_made.load(std::memory_order_relaxed);
    // Whether it is ours is told by where it runs.
    if (place - reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) >
        area_size.load(std::memory_order_relaxed)) {
        pass_on(signal, info, machine);
        return;
    }
    auto* from = reinterpret_cast<start*>(place);
    if (_setjmp(from->context.environment) != 0) {
        from->entry(from->base, from->context.word);
    }
}

/// Blocks all signals of the calling thread for a while.
class signals_blocked {
public:
    signals_blocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    signals_blocked(signals_blocked const&) = delete;
    signals_blocked& operator=(signals_blocked const&) = delete;
    ~signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

/// Makes the area the calling thread's signal stack for a while.
class signal_stack_replaced {
public:
    explicit signal_stack_replaced(stack_t const& area) {
        if (sigaltstack(&area, &before_) != 0) {
            std::fputs(
                "weft: this switch (WEFT_BACKEND=sigaltstack) can't make a coroutine inside a signal's handler\n",
                stderr);
            std::abort();
        }
    }
    signal_stack_replaced(signal_stack_replaced const&) = delete;
    signal_stack_replaced& operator=(signal_stack_replaced const&) = delete;
    ~signal_stack_replaced() { sigaltstack(&before_, nullptr); }

private:
    stack_t before_;
};

bool is_pending() {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, signal_used) == 1;
}

/// Runs the handler on the signal stack, once. All signals are blocked.
void run_handler() {
    bool was_pending = is_pending();
    struct sigaction ours = {};
    ours.sa_sigaction = &on_signal;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigfillset(&ours.sa_mask);
    sigaction(signal_used, nullptr, &earlier);  // before it may have to be passed on to
    sigaction(signal_used, &ours, nullptr);
    // One sent to the thread comes before one sent to the process, and while the handler runs no other comes.
    raise(signal_used);
    sigset_t others;
    sigfillset(&others);
    sigdelset(&others, signal_used);
    sigsuspend(&others);
    sigaction(signal_used, &earlier, nullptr);
    if (was_pending && !is_pending()) {
        raise(signal_used);  // one that the program had sent to this thread has become one with ours
    }
}

}  // namespace

void make(frame& fresh, entry_record& base, void* stack_top, entry_function entry) {
    start& from = place_start<start>(stack_top);
    from.context.fresh = &from;
    from.base = &base;
    from.entry = entry;
    // What the system needs for a signal's frame, and the handler's own. What lies further down is known by the guard alone.
    stack_t area = {};
    area.ss_size = static_cast<std::size_t>(sysconf(_SC_MINSIGSTKSZ)) + 1024;
    area.ss_sp = reinterpret_cast<char*>(&from) - area.ss_size;

    std::lock_guard lock(making);
    signals_blocked blocked;
    signal_stack_replaced replaced(area);
    being_made.store(reinterpret_cast<std::uintptr_t>(&from), std::memory_order_relaxed);
    area_size.store(area.ss_size, std::memory_order_relaxed);
    run_handler();
    area_size.store(0, std::memory_order_relaxed);
    fresh.stack_pointer = &from.context;
}

void begin(start& fresh) {
    _longjmp(fresh.context.environment, 1);
}

}  // namespace weft::context
