// A loop, and what becomes of it in a child process.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <thread>
#include <weft/loop.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

class loop_fork_death : public testing::Test {
protected:
    void SetUp() override {
#if defined(WEFT_TSAN)
        GTEST_SKIP() << "ThreadSanitizer does not support the child of a process with threads";
#endif
    }
};

/// Goes on in a child, and ends as it does; a child that hangs is ended by SIGALRM.
void go_on_in_a_child() {
    pid_t child = fork();
    if (child == 0) {
        alarm(30);
        return;
    }
    int status = -1;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
        std::signal(WTERMSIG(status), SIG_DFL);
        std::raise(WTERMSIG(status));
    }
    _exit(WEXITSTATUS(status));
}

/// Has the loop's workers start.
void use_a_worker(weft::loop&) {
    weft::operation op{.what = weft::operation::kind::call};
    op.call = [](void*) -> std::int64_t { return 1; };
    (void)weft::detail::wait_for(op, "a call", weft::call_site::here());
}

constexpr char const* message =
    "weft: a loop was used in a child process after fork\\(\\): its (io_uring|epoll) and its "
    "threads are the parent's; destroy it and make another, or use a new thread\n";

TEST_F(loop_fork_death, running_the_parents_loop) {
    auto run_it = [] {
        weft::loop loop;
        go_on_in_a_child();
        loop.run_once(false);
    };
    EXPECT_EXIT(run_it(), testing::KilledBySignal(SIGABRT), message);
}

TEST_F(loop_fork_death, sleeping_on_the_parents_loop) {
    auto sleep = [] {
        (void)weft::loop::current();
        go_on_in_a_child();
        weft::sleep_for(1ns);
    };
    EXPECT_EXIT(sleep(), testing::KilledBySignal(SIGABRT), message);
}

TEST_F(loop_fork_death, starting_an_operation_in_a_task_that_has_forked) {
    auto start = [] {
        weft::run([] {
            go_on_in_a_child();
            use_a_worker(weft::loop::current());
        });
    };
    EXPECT_EXIT(start(), testing::KilledBySignal(SIGABRT), message);
}

TEST_F(loop_fork_death, is_not_the_end_of_a_child_that_makes_another_in_its_place) {
    auto replace = [] {
        auto loop = std::make_unique<weft::loop>();
        use_a_worker(*loop);
        go_on_in_a_child();
        loop.reset();
        loop = std::make_unique<weft::loop>();
        use_a_worker(*loop);
        int steps = 0;
        weft::run([&] {
            weft::sleep_for(1ns);
            ++steps;
        });
        _exit(steps);
    };
    EXPECT_EXIT(replace(), testing::ExitedWithCode(1), "^$");
}

TEST_F(loop_fork_death, is_not_the_end_of_a_child_that_uses_a_new_thread) {
    auto use_a_thread = [] {
        use_a_worker(weft::loop::current());
        go_on_in_a_child();
        int steps = 0;
        std::thread([&] {
            weft::run([&] {
                weft::sleep_for(1ns);
                ++steps;
            });
        }).join();
        _exit(steps);
    };
    EXPECT_EXIT(use_a_thread(), testing::ExitedWithCode(1), "^$");
}

#if !defined(WEFT_ASAN)  // what the parent's loop had is lost in the child, which its leak check reports
TEST_F(loop_fork_death, is_not_the_end_of_a_child_that_exits) {
    auto exit_with_a_loop = [] {
        use_a_worker(weft::loop::current());
        go_on_in_a_child();
        std::exit(0);
    };
    EXPECT_EXIT(exit_with_a_loop(), testing::ExitedWithCode(0), "^$");
}
#endif

TEST_F(loop_fork_death, leaves_the_parents_loop_as_it_is) {
    weft::loop& loop = weft::loop::current();
    use_a_worker(loop);
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    use_a_worker(loop);
    weft::run([] { weft::sleep_for(1ns); });
}

}  // namespace
