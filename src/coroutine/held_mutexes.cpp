// Floor: coroutine
//
// A coroutine that suspends while it holds a lock of threads (std::mutex, std::shared_mutex, pthread_mutex_t,
// pthread_rwlock_t) keeps it locked for whoever runs on the thread meanwhile. The first of them that locks it blocks the
// thread for ever: of all deadlocks the one that
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
    void const* mutex;
    control_block const* holder;
    void const* locked_at;
};

/// What the coroutines that are entered on this thread hold; none of them can have left meanwhile. Beyond what has room
/// here, they go unnoticed.
struct held_mutexes {
    std::array<held_mutex, 64> all;
    std::size_t count;
};

[[gnu::tls_model("initial-exec")]] constinit thread_local held_mutexes held = {};

/// Not inlined, so that the address of a thread_local is not kept across a switch.
[[gnu::noinline]] held_mutexes& of_this_thread() noexcept {
    return held;
}

void note_locked(void const* mutex, void const* locked_at) noexcept {
    control_block const* self = this_thread().current;
    held_mutexes& mine = of_this_thread();
    if (self != nullptr && mine.count < mine.all.size()) {
        mine.all[mine.count++] = {mutex, self, locked_at};
    }
}

void note_unlocked(void const* mutex) noexcept {
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

int note(int result, void const* mutex, void const* locked_at) noexcept {
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
    if (self.may_hold_mutexes > 0) {
        return;
    }
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

using mutex_call = std::atomic<int (*)(pthread_mutex_t*)>;
using rwlock_call = std::atomic<int (*)(pthread_rwlock_t*)>;
using timed_rwlock_call = std::atomic<int (*)(pthread_rwlock_t*, timespec const*)>;
using clock_rwlock_call = std::atomic<int (*)(pthread_rwlock_t*, clockid_t, timespec const*)>;

mutex_call real_lock, real_trylock, real_unlock;
std::atomic<int (*)(pthread_mutex_t*, timespec const*)> real_timedlock;
std::atomic<int (*)(pthread_mutex_t*, clockid_t, timespec const*)> real_clocklock;
rwlock_call real_rdlock, real_tryrdlock, real_wrlock, real_trywrlock, real_rw_unlock;
timed_rwlock_call real_timedrdlock, real_timedwrlock;
clock_rwlock_call real_clockrdlock, real_clockwrlock;

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

int pthread_rwlock_rdlock(pthread_rwlock_t* l) noexcept {
    return note(real(real_rdlock, "pthread_rwlock_rdlock", l), l, __builtin_return_address(0));
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t* l) noexcept {
    return note(real(real_tryrdlock, "pthread_rwlock_tryrdlock", l), l, __builtin_return_address(0));
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t* l, timespec const* until) noexcept {
    return note(real(real_timedrdlock, "pthread_rwlock_timedrdlock", l, until), l, __builtin_return_address(0));
}

int pthread_rwlock_clockrdlock(pthread_rwlock_t* l, clockid_t clock, timespec const* until) noexcept {
    return note(real(real_clockrdlock, "pthread_rwlock_clockrdlock", l, clock, until), l, __builtin_return_address(0));
}

int pthread_rwlock_wrlock(pthread_rwlock_t* l) noexcept {
    return note(real(real_wrlock, "pthread_rwlock_wrlock", l), l, __builtin_return_address(0));
}

int pthread_rwlock_trywrlock(pthread_rwlock_t* l) noexcept {
    return note(real(real_trywrlock, "pthread_rwlock_trywrlock", l), l, __builtin_return_address(0));
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t* l, timespec const* until) noexcept {
    return note(real(real_timedwrlock, "pthread_rwlock_timedwrlock", l, until), l, __builtin_return_address(0));
}

int pthread_rwlock_clockwrlock(pthread_rwlock_t* l, clockid_t clock, timespec const* until) noexcept {
    return note(real(real_clockwrlock, "pthread_rwlock_clockwrlock", l, clock, until), l, __builtin_return_address(0));
}

int pthread_rwlock_unlock(pthread_rwlock_t* l) noexcept {
    weft::detail::note_unlocked(l);
    return real(real_rw_unlock, "pthread_rwlock_unlock", l);
}

}  // extern "C"

#endif
