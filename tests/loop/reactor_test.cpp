// A reactor by itself: where it may be used, and what it says when the system fails it.

#include <gtest/gtest.h>

#include <csignal>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <weft/loop.hpp>
#include <weft/reactor.hpp>
#include <weft/task.hpp>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

/// Waits for a byte that another coroutine writes.
void exchange_a_byte() {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    auto reader = weft::spawn([&] {
        weft::operation op{.what = weft::operation::kind::poll, .fd = ends[0], .flags = POLLIN};
        return weft::detail::wait_for(op, "a pipe", weft::place::here());
    });
    weft::yield();
    EXPECT_EQ(write(ends[1], "x", 1), 1);
    EXPECT_EQ(reader.join(), POLLIN);
    close(ends[0]);
    close(ends[1]);
}

TEST(reactor, made_on_one_thread_serves_the_loop_of_another) {
    auto made = weft::make_reactor();
    std::thread([&] {
        weft::loop loop(std::move(made));
        weft::run(&exchange_a_byte);
    }).join();
}

TEST(reactor, made_on_one_thread_wakes_the_loop_of_another_from_its_sleep) {
    auto made = weft::make_reactor();
    weft::reactor& told = *made;
    std::thread([&] {
        weft::loop loop(std::move(made));
        bool woken = false;
        loop.post([&] { woken = true; });
        told.notify();
        loop.run_until(woken);
    }).join();
}

/// From here on no descriptor is free, and the best reactor is asked for.
void use_up_descriptors() {
    rlimit few{16, 16};
    setrlimit(RLIMIT_NOFILE, &few);
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
    unsetenv("WEFT_REACTOR");
}

TEST(reactor, that_there_is_no_descriptor_for_is_an_error_that_run_throws) {
    for (weft::run_options options : {weft::run_options{}, {.report_parked_after = weft::clock::duration::max()}}) {
        auto run = [&] {
            use_up_descriptors();
            std::thread([&] {
                try {
                    weft::run(options, [] {});
                } catch (std::system_error const& e) {
                    _exit(e.code() == std::errc::too_many_files_open ? 3 : 4);
                }
                _exit(5);
            }).join();
        };
        EXPECT_EXIT(run(), testing::ExitedWithCode(3), "^$");
    }
}

void close_all(std::string const& kind) {
    for (auto const& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        if (std::filesystem::read_symlink(entry.path(), gone) == kind) {
            close(std::stoi(entry.path().filename()));
        }
    }
}

TEST(reactor_death, whose_epoll_set_somebody_has_closed_is_named_with_the_error) {
    auto wait = [] {
        auto reactor = weft::make_reactor("epoll");
        reactor->poll(0ns);
        close_all("anon_inode:[eventpoll]");
        reactor->poll(0ns);
    };
    EXPECT_EXIT(wait(), testing::KilledBySignal(SIGABRT), "weft: .*epoll_wait\\(\\) failed: Bad file descriptor");
}

}  // namespace
