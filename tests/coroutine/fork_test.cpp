// fork() while other threads are inside weft. The child goes on with what the forking thread had.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <latch>
#include <string>
#include <thread>
#include <vector>
#include <weft/coroutine.hpp>

namespace {

using weft::coroutine;

/// Calls `body` in a child process; how the child ended. A child that hangs is ended by SIGALRM.
template <class Body>
int in_child(Body&& body) {
    pid_t child = fork();
    if (child == 0) {
        alarm(30);
        body();
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

/// Creates, runs and destroys; what it returns is right only if all of them ran.
int run_a_thousand() {
    int ended = 0;
    std::vector<coroutine> all;
    for (int i = 0; i < 1'000; ++i) {
        all.emplace_back(weft::coroutine_options{.stack_size = i % 2 == 0 ? weft::default_stack_size : 32U * 1024},
                         [&] {
                             weft::yield();
                             ++ended;
                         });
        all.back().enter();
    }
    for (auto& co : all) {
        co.enter();
    }
    return ended;
}

/// Has threads create and destroy more coroutines than their caches hold, of two sizes, until it goes.
class busy_threads {
public:
    busy_threads() {
        for (int t = 0; t < 3; ++t) {
            threads_.emplace_back([this] {
                while (!stop_) {
                    run_a_thousand();
                    started_.store(true);
                }
            });
        }
        started_.wait(false);
    }
    busy_threads(busy_threads const&) = delete;
    busy_threads& operator=(busy_threads const&) = delete;
    ~busy_threads() {
        stop_ = true;
        for (auto& t : threads_) {
            t.join();
        }
    }

private:
    struct flag {
        void store(bool value) {
            value_.store(value);
            value_.notify_all();
        }
        void wait(bool old) { value_.wait(old); }
        std::atomic<bool> value_{false};
    };

    std::atomic<bool> stop_{false};
    flag started_;
    std::vector<std::thread> threads_;
};

// The suite is named like those of death tests, because valgrind would look into the children too, at length.
class fork_death : public testing::Test {
protected:
    void SetUp() override {
#if defined(WEFT_TSAN)
        GTEST_SKIP() << "ThreadSanitizer does not support the child of a process with threads";
#endif
    }
};

TEST_F(fork_death, leaves_a_child_that_makes_and_runs_a_thousand_while_the_parents_threads_are_busy) {
#if defined(WEFT_ASAN)
    GTEST_SKIP() << "in the child, AddressSanitizer's allocator (before LLVM 17) may be locked for ever";
#endif
    busy_threads others;
    for (int i = 0; i < 40; ++i) {
        EXPECT_EQ(in_child([] { _exit(run_a_thousand() == 1'000 ? 0 : 1); }), 0) << "in child " << i;
    }
}

TEST_F(fork_death, leaves_the_parent_able_to_go_on) {
    in_child([] {});
    EXPECT_EQ(run_a_thousand(), 1'000);
}

TEST_F(fork_death, copies_a_suspended_coroutine_and_each_process_goes_on_with_its_own) {
    int value = 1;
    coroutine co([&] {
        weft::yield();
        value *= 10;
    });
    co.enter();
    int status = in_child([&] {
        value = 2;
        co.enter();
        _exit(value);
    });
    co.enter();
    EXPECT_EQ(WEXITSTATUS(status), 20);
    EXPECT_EQ(value, 10);
}

TEST_F(fork_death, inside_a_coroutine_leaves_it_running_in_both) {
    pid_t child = -1;
    coroutine co([&] {
        child = fork();
        weft::yield();
    });
    co.enter();
    co.enter();
    if (child == 0) {
        _exit(co.done() && run_a_thousand() == 1'000 ? 7 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 7);
    EXPECT_TRUE(co.done());
}

/// What another thread runs on while this one forks.
struct running_elsewhere {
    coroutine co;
    std::latch inside{1};
    std::latch end{1};
    char* stack = nullptr;
    std::thread thread{[this] {
        co = coroutine({.name = "elsewhere"}, [this] {
            stack = static_cast<char*>(__builtin_frame_address(0));
            inside.count_down();
            end.wait();
        });
        co.enter();
    }};

    running_elsewhere() { inside.wait(); }
    ~running_elsewhere() {
        end.count_down();
        thread.join();
    }
};

TEST_F(fork_death, never_gives_the_child_a_stack_that_another_thread_was_on) {
    running_elsewhere other;
    int status = in_child([&] {
        std::vector<coroutine> all;
        for (int i = 0; i < 1'000; ++i) {
            all.emplace_back([&] {
                auto* here = static_cast<char*>(__builtin_frame_address(0));
                constexpr auto half = static_cast<std::ptrdiff_t>(weft::default_stack_size / 2);
                if (here - other.stack < half && other.stack - here < half) {
                    _exit(1);
                }
                weft::yield();
            });
            all.back().enter();
        }
        _exit(0);
    });
    EXPECT_EQ(status, 0);
}

TEST_F(fork_death, leaves_a_coroutine_of_another_thread_running_for_ever_in_the_child) {
    running_elsewhere other;
    int status = in_child([&] {
        close(STDERR_FILENO);
        other.co.enter();
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

TEST_F(fork_death, leaves_guards_and_the_report_of_overflows_in_place) {
    run_a_thousand();
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    int status = in_child([&] {
        dup2(pipe_ends[1], STDERR_FILENO);
        coroutine co({.name = "in the child", .stack_size = 2 * weft::stack_guard_size}, [] {
            char volatile* beyond = static_cast<char*>(__builtin_frame_address(0)) - weft::stack_guard_size - 4'000;
            *beyond = 1;
        });
        co.enter();
    });
    close(pipe_ends[1]);
    std::string said(4'096, '\0');
    said.resize(static_cast<std::size_t>(std::max<ssize_t>(0, read(pipe_ends[0], said.data(), said.size()))));
    close(pipe_ends[0]);
    EXPECT_NE(status, 0);
    EXPECT_NE(said.find("weft: coroutine \"in the child\""), std::string::npos) << said;
}

}  // namespace
