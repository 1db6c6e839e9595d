// A thread that is ended inside a coroutine.

#include <gtest/gtest.h>
#include <pthread.h>

#include <cstdlib>
#include <semaphore>
#include <weft/coroutine.hpp>

// ThreadSanitizer takes the thread's end on another stack for the end of a coroutine of its own.
#if !defined(__SANITIZE_THREAD__)

namespace {

using weft::coroutine;

constexpr char const* message =
    "^weft: coroutine \"worker\" \\(id [0-9]+, created at server.cpp:30\\) ends its thread \\(pthread_exit, "
    "pthread_cancel\\), and so whoever entered it too; that was at server.cpp:41\n";

void exit_the_thread_inside() {
    coroutine co({.name = "worker"}, [] { pthread_exit(nullptr); }, {"server.cpp", 30});
    co.enter({"server.cpp", 41});
}

TEST(coroutine_death, pthread_exit_inside_is_named) {
    EXPECT_DEATH(exit_the_thread_inside(), message);
}

void* wait_to_be_cancelled(void* inside) {
    coroutine co({.name = "worker"},
                 [&] {
                     static_cast<std::binary_semaphore*>(inside)->release();
                     for (;;) {
                         pthread_testcancel();
                     }
                 },
                 {"server.cpp", 30});
    co.enter({"server.cpp", 41});
    return nullptr;
}

void cancel_a_thread_that_is_inside() {
    std::binary_semaphore inside{0};
    pthread_t thread{};
    pthread_create(&thread, nullptr, wait_to_be_cancelled, &inside);
    inside.acquire();
    pthread_cancel(thread);
    pthread_join(thread, nullptr);
}

TEST(coroutine_death, pthread_cancel_of_a_thread_that_is_inside_is_named) {
    EXPECT_DEATH(cancel_a_thread_that_is_inside(), message);
}

TEST(coroutine, exit_inside_ends_the_program_in_order) {
    EXPECT_EXIT(
        {
            coroutine co([] { std::exit(7); });
            co.enter();
        },
        testing::ExitedWithCode(7), "^$");
}

}  // namespace

#endif
