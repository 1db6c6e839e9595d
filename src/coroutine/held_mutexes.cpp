// Floor: coroutine
//
// A coroutine that suspends while it holds a mutex of threads (std::mutex, pthread_mutex_t) keeps it locked for whoever
// runs on the thread meanwhile. The first of them that locks it blocks the thread for ever: of all deadlocks the one that
// users of coroutines meet most. So in debug builds these functions stand before the C library's, take note of who locks
// what and where, and each suspension looks.

#if defined(WEFT_CHECK_MUTEXES)

#include <dlfcn.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <type_traits>
#include <weft/detail/coroutine/switch.hpp>

#include "coroutine/misuse.hpp"
#include "stack/overflow.hpp"

namespace weft::detail {
namespace {

struct held_mutex {
    pthread_mutex_t const* mutex;
    control_block const* holder;
    void const* locked_at;
};

/// What the coroutines that are entered on this thread hold; none of them can have left meanwhile. Beyond what has room
/// here, mutexes go unnoticed.
struct held_mutexes {
    std::array<held_mutex, 64> all;
    std::size_t count;
};

[[gnu::tls_model("initial-exec")]] constinit thread_local held_mutexes held = {};

/// Not inlined, so that the address of a thread_local is not kept across a switch.
[[gnu::noinline]] held_mutexes& of_this_thread() noexcept {
    return held;
}

void note_locked(pthread_mutex_t const* mutex, void const* locked_at) noexcept {
    control_block const* self = this_thread().current;
    held_mutexes& mine = of_this_thread();
    if (self != nullptr && mine.count < mine.all.size()) {
        mine.all[mine.count++] = {mutex, self, locked_at};
    }
}

void note_unlocked(pthread_mutex_t const* mutex) noexcept {
    held_mutexes& mine = of_this_thread();
    for (std::size_t i = mine.count; i-- > 0;) {
        if (mine.all[i].mutex == mutex) {
            for (--mine.count; i < mine.count; ++i) {
                mine.all[i] = mine.all[i + 1];
            }
            return;
        }
    }
}

/// Calls the C library's function of this name. Two threads may look it up at once; both find the same.
template <class... Args>
int real(std::atomic<int (*)(Args...)>& known, char const* name, std::type_identity_t<Args>... args) noexcept {
    auto* found = known.load(std::memory_order_relaxed);
    if (found == nullptr) {
        found = reinterpret_cast<int (*)(Args...)>(dlsym(RTLD_NEXT, name));
        known.store(found, std::memory_order_relaxed);
    }
    return found(args...);
}

int note(int result, pthread_mutex_t const* mutex, void const* locked_at) noexcept {
    if (result == 0 || result == EOWNERDEAD) {
        note_locked(mutex, locked_at);
    }
    return result;
}

/// Not inlined, so that its text does not take up space on each stack.
[[noreturn, gnu::noinline]] void die_of(held_mutex const& h, control_block const& self, call_site where) {
    fixed_text text;
    (text << " suspends while it holds a mutex of threads, ").hexadecimal(reinterpret_cast<std::uintptr_t>(h.mutex));
    text << ", locked";
    add_call_site(text, reinterpret_cast<std::uintptr_t>(h.locked_at));
    text << "; unlock it before, or use weft::mutex";
    die(where, describe(self) + std::string(text.view()));
}

}  // namespace

void die_if_it_holds_a_mutex(control_block const& self, call_site where) {
    held_mutexes const& mine = of_this_thread();
    for (std::size_t i = 0; i < mine.count; ++i) {
        if (mine.all[i].holder == &self) {
            die_of(mine.all[i], self, where);
        }
    }
}

}  // namespace weft::detail

// ---- what stands before the C library's functions -------------------------------------------------------------------

namespace {

using weft::detail::note;
using weft::detail::real;

std::atomic<int (*)(pthread_mutex_t*)> real_lock;
std::atomic<int (*)(pthread_mutex_t*)> real_trylock;
std::atomic<int (*)(pthread_mutex_t*, timespec const*)> real_timedlock;
std::atomic<int (*)(pthread_mutex_t*, clockid_t, timespec const*)> real_clocklock;
std::atomic<int (*)(pthread_mutex_t*)> real_unlock;

}  // namespace

extern "C" {

int pthread_mutex_lock(pthread_mutex_t* m) noexcept {
    return note(real(real_lock, "pthread_mutex_lock", m), m, __builtin_return_address(0));
}

int pthread_mutex_trylock(pthread_mutex_t* m) noexcept {
    return note(real(real_trylock, "pthread_mutex_trylock", m), m, __builtin_return_address(0));
}

int pthread_mutex_timedlock(pthread_mutex_t* m, timespec const* until) noexcept {
    return note(real(real_timedlock, "pthread_mutex_timedlock", m, until), m, __builtin_return_address(0));
}

int pthread_mutex_clocklock(pthread_mutex_t* m, clockid_t clock, timespec const* until) noexcept {
    return note(real(real_clocklock, "pthread_mutex_clocklock", m, clock, until), m, __builtin_return_address(0));
}

int pthread_mutex_unlock(pthread_mutex_t* m) noexcept {
    weft::detail::note_unlocked(m);
    return real(real_unlock, "pthread_mutex_unlock", m);
}

}  // extern "C"

#endif
