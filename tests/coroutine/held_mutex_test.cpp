// In debug builds, a coroutine that suspends while it holds a mutex of threads is told so.

#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <weft/coroutine.hpp>
#include <weft/held_mutexes.hpp>

namespace {

using weft::coroutine;

[[gnu::noinline]] void lock_here(std::mutex& m) {
    m.lock();
    asm volatile("");  // no tail call: this function is to be seen in the report
}

void suspend_with(std::mutex& m) {
    coroutine co({.name = "writer"},
                 [&] {
                     lock_here(m);
                     weft::yield({"server.cpp", 44});
                     m.unlock();
                 },
                 {"server.cpp", 30});
    co.enter();
    co.enter();
}

#if defined(WEFT_CHECK_MUTEXES)

TEST(held_mutex_death, names_the_coroutine_and_both_places) {
    std::mutex m;
    EXPECT_DEATH(
        suspend_with(m),
        "^weft: server.cpp:44: coroutine \"writer\" \\(id [0-9]+, created at server.cpp:30\\) suspends while it "
        "holds a mutex of threads, 0x[0-9a-f]+, locked at 0x[0-9a-f]+ in .*; unlock it before, or use "
        "weft::mutex\n");
}

void suspend_after(int (*lock)(pthread_mutex_t*)) {
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    coroutine co([&] {
        lock(&m);
        weft::yield();
    });
    co.enter();
}

TEST(held_mutex_death, comes_for_each_way_to_lock) {
    EXPECT_DEATH(suspend_after(&pthread_mutex_lock), "holds a mutex of threads");
    EXPECT_DEATH(suspend_after(&pthread_mutex_trylock), "holds a mutex of threads");
    EXPECT_DEATH(suspend_after([](pthread_mutex_t* m) {
                     timespec never{.tv_sec = INT32_MAX, .tv_nsec = 0};
                     return pthread_mutex_timedlock(m, &never);
                 }),
                 "holds a mutex of threads");
    EXPECT_DEATH(suspend_after([](pthread_mutex_t* m) {
                     timespec never{.tv_sec = INT32_MAX, .tv_nsec = 0};
                     return pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &never);
                 }),
                 "holds a mutex of threads");
}

void suspend_with_rwlock(int (*lock)(pthread_rwlock_t*)) {
    pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER;
    coroutine co([&] {
        lock(&l);
        weft::yield();
    });
    co.enter();
}

TEST(held_mutex_death, comes_for_each_way_to_lock_a_rwlock) {
    static constexpr timespec never{.tv_sec = INT32_MAX, .tv_nsec = 0};
    EXPECT_DEATH(suspend_with_rwlock(&pthread_rwlock_rdlock), "holds a mutex of threads");
    EXPECT_DEATH(suspend_with_rwlock(&pthread_rwlock_tryrdlock), "holds a mutex of threads");
    EXPECT_DEATH(suspend_with_rwlock(&pthread_rwlock_wrlock), "holds a mutex of threads");
    EXPECT_DEATH(suspend_with_rwlock(&pthread_rwlock_trywrlock), "holds a mutex of threads");
    EXPECT_DEATH(suspend_with_rwlock([](pthread_rwlock_t* l) { return pthread_rwlock_timedrdlock(l, &never); }),
                 "holds a mutex of threads");
    EXPECT_DEATH(suspend_with_rwlock([](pthread_rwlock_t* l) { return pthread_rwlock_timedwrlock(l, &never); }),
                 "holds a mutex of threads");
    EXPECT_DEATH(
        suspend_with_rwlock([](pthread_rwlock_t* l) { return pthread_rwlock_clockrdlock(l, CLOCK_MONOTONIC, &never); }),
        "holds a mutex of threads");
    EXPECT_DEATH(
        suspend_with_rwlock([](pthread_rwlock_t* l) { return pthread_rwlock_clockwrlock(l, CLOCK_MONOTONIC, &never); }),
        "holds a mutex of threads");
}

TEST(held_mutex_death, comes_for_a_shared_mutex) {
    std::shared_mutex m;
    coroutine co([&] {
        std::shared_lock lock(m);
        weft::yield();
    });
    EXPECT_DEATH(co.enter(), "holds a mutex of threads");
}

TEST(held_mutex_death, comes_after_what_allowed_it) {
    std::mutex m;
    coroutine co([&] {
        std::scoped_lock lock(m);
        { weft::allow_held_mutexes allowed; }
        weft::yield();
    });
    EXPECT_DEATH(co.enter(), "holds a mutex of threads");
}

TEST(held_mutex_death, comes_while_another_is_unlocked_again) {
    std::mutex first, second;
    coroutine co([&] {
        std::scoped_lock outer(first);
        { std::scoped_lock inner(second); }
        weft::yield();
    });
    EXPECT_DEATH(co.enter(), "holds a mutex of threads");
}

#else

TEST(held_mutex, is_not_looked_for_in_other_builds) {
    std::mutex m;
    suspend_with(m);
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

#endif

TEST(held_mutex, may_be_held_between_suspensions) {
    std::mutex m;
    coroutine co([&] {
        for (int i = 0; i < 100; ++i) {
            { std::scoped_lock lock(m); }
            weft::yield();
        }
    });
    while (!co.done()) {
        co.enter();
    }
}

TEST(held_mutex, may_be_held_where_that_is_allowed) {
    std::mutex m;
    coroutine co([&] {
        std::scoped_lock lock(m);
        weft::allow_held_mutexes allowed, twice;
        weft::yield();
    });
    co.enter();
    co.enter();
    EXPECT_TRUE(co.done());
}

TEST(held_mutex, shared_may_be_held_between_suspensions) {
    std::shared_mutex m;
    coroutine co([&] {
        for (int i = 0; i < 100; ++i) {
            { std::shared_lock lock(m); }
            { std::unique_lock lock(m); }
            weft::yield();
        }
    });
    while (!co.done()) {
        co.enter();
    }
}

TEST(held_mutex, may_be_held_by_who_enters) {
    std::mutex thread_s, outer_s;
    coroutine outer([&] {
        coroutine inner([] { weft::yield(); });
        std::scoped_lock lock(outer_s);
        inner.enter();
        inner.enter();
    });
    std::scoped_lock lock(thread_s);
    outer.enter();
    EXPECT_TRUE(outer.done());
}

}  // namespace
