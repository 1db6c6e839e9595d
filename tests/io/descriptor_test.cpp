#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <system_error>
#include <utility>
#include <weft/descriptor.hpp>
#include <weft/signals.hpp>
#include <weft/task.hpp>

#include "../instrumented.hpp"
#include "worlds.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;

std::pair<weft::descriptor, weft::descriptor> make_pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "pipe");
    }
    return {weft::descriptor(fds[0]), weft::descriptor(fds[1])};
}

void write_byte(int fd) {
    ASSERT_EQ(::write(fd, "x", 1), 1);
}

bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

TEST(descriptor, is_closed_when_its_owner_goes) {
    int fd = -1;
    {
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        fd = reading.fd();
        EXPECT_TRUE(is_open(fd));
    }
    EXPECT_FALSE(is_open(fd));
}

TEST(descriptor, moves) {
    auto reading_and_writing = make_pipe();
    auto& reading = reading_and_writing.first;
    int fd = reading.fd();
    weft::descriptor other = std::move(reading);
    EXPECT_FALSE(reading);
    EXPECT_EQ(other.fd(), fd);
    EXPECT_TRUE(is_open(fd));
}

TEST(descriptor, may_be_closed_twice) {
    auto reading_and_writing = make_pipe();
    auto& reading = reading_and_writing.first;
    reading.close();
    reading.close();
    EXPECT_FALSE(reading);
}

TEST(wait_readable, waits_until_there_is_something_to_read) {
    in_both_worlds([] {
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        auto& writing = reading_and_writing.second;
        auto waiter = weft::spawn([&] { weft::wait_readable(reading.fd()); });
        let_others_run();
        EXPECT_FALSE(waiter.done());
        write_byte(writing.fd());
        waiter.join();
    });
}

TEST(wait_readable, returns_at_once_when_there_is_something_already) {
    auto reading_and_writing = make_pipe();
    auto& reading = reading_and_writing.first;
    auto& writing = reading_and_writing.second;
    write_byte(writing.fd());
    weft::wait_readable(reading.fd());
}

TEST(wait_readable, returns_when_the_other_end_was_closed) {
    in_both_worlds([] {
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        auto& writing = reading_and_writing.second;
        auto waiter = weft::spawn([&] { weft::wait_readable(reading.fd()); });
        let_others_run();
        writing.close();
        waiter.join();
    });
}

TEST(wait_readable, works_again_and_again_on_one_descriptor) {
    in_both_worlds([] {
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        auto& writing = reading_and_writing.second;
        for (int i = 0; i < 10; ++i) {
            auto waiter = weft::spawn([&] { weft::wait_readable(reading.fd()); });
            let_others_run();
            write_byte(writing.fd());
            waiter.join();
            char byte;
            ASSERT_EQ(::read(reading.fd(), &byte, 1), 1);
        }
    });
}

TEST(wait_readable, can_be_cancelled) {
    in_both_worlds([] {
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        auto waiter = weft::spawn([&] { weft::wait_readable(reading.fd()); });
        let_others_run();
        waiter.cancel();
        EXPECT_EQ(error_of(waiter), std::errc::operation_canceled);
    });
}

TEST(wait_readable, refuses_what_is_no_descriptor) {
    in_both_worlds([] { EXPECT_THROW(weft::wait_readable(-1), std::system_error); });
}

TEST(wait_readable, works_on_a_descriptor_that_bears_the_number_of_one_closed_by_its_owner) {
    in_both_worlds([] {
        int fds[2];
        for (int round = 0; round < 2; ++round) {
            ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);  // the same numbers each time
            auto waiter = weft::spawn([&] { weft::wait_readable(fds[0]); });
            let_others_run();
            write_byte(fds[1]);
            EXPECT_EQ(error_of(waiter), std::error_code());
            ::close(fds[0]);  // wait_readable() leaves it the caller's: a plain close is the caller's right
            ::close(fds[1]);
        }
    });
}

TEST(wait_readable, thousands_that_end_at_once_all_go_on) {
    constexpr int waiters =
        weft_test::how_many(6'000, 500);  // the first is more than io_uring's completion queue holds
    in_both_worlds([&] {
        int begun = 0, gone_on = 0;
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        auto& writing = reading_and_writing.second;
        weft::scope all;
        for (int i = 0; i < waiters; ++i) {
            all.spawn([&] {
                ++begun;
                weft::wait_readable(reading.fd());
                ++gone_on;
            });
        }
        while (begun < waiters) {
            let_others_run();
        }
        let_others_run_on();  // so that the system has them all
        write_byte(writing.fd());
        all.join();
        EXPECT_EQ(gone_on, waiters);
    });
}

TEST(wait_writable, waits_until_there_is_room) {
    in_both_worlds([] {
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        auto& writing = reading_and_writing.second;
        fcntl(writing.fd(), F_SETFL, O_NONBLOCK);
        std::array<char, 4096> page{};
        while (::write(writing.fd(), page.data(), page.size()) > 0) {
        }
        auto waiter = weft::spawn([&] { weft::wait_writable(writing.fd()); });
        let_others_run();
        EXPECT_FALSE(waiter.done());
        for (pollfd room{writing.fd(), POLLOUT, 0}; ::poll(&room, 1, 0) == 0;) {
            ASSERT_GT(::read(reading.fd(), page.data(), page.size()), 0);
        }
        waiter.join();
    });
}

TEST(signals, are_waited_for) {
    in_both_worlds([] {
        weft::signals wanted({SIGUSR1, SIGUSR2});
        auto waiter = weft::spawn([&] { return wanted.wait(); });
        let_others_run();
        EXPECT_FALSE(waiter.done());
        ::kill(::getpid(), SIGUSR2);
        EXPECT_EQ(waiter.join(), SIGUSR2);
    });
}

TEST(signals, that_came_before_the_wait_are_not_lost) {
    weft::signals wanted({SIGUSR1});
    ::kill(::getpid(), SIGUSR1);
    EXPECT_EQ(wanted.wait(), SIGUSR1);
}

TEST(signals, come_one_after_another) {
    weft::signals wanted({SIGUSR1, SIGUSR2});
    ::kill(::getpid(), SIGUSR1);
    ::kill(::getpid(), SIGUSR2);
    EXPECT_EQ(wanted.wait() + wanted.wait(), SIGUSR1 + SIGUSR2);
}

TEST(signals, a_wait_can_be_cancelled) {
    in_both_worlds([] {
        weft::signals wanted({SIGUSR1});
        auto waiter = weft::spawn([&] { return wanted.wait(); });
        let_others_run();
        waiter.cancel();
        EXPECT_EQ(error_of(waiter), std::errc::operation_canceled);
    });
}

TEST(signals, that_are_pending_at_the_end_harm_nobody) {
    auto press_twice = [] {
        {
            weft::signals stop({SIGINT, SIGTERM});
            kill(getpid(), SIGINT);
            EXPECT_EQ(stop.wait(), SIGINT);
            kill(getpid(), SIGINT);
            kill(getpid(), SIGTERM);
        }
        _exit(testing::Test::HasFailure() ? 1 : 0);
    };
    EXPECT_EXIT(press_twice(), testing::ExitedWithCode(0), "^$");
}

TEST(signals, that_an_outer_object_waits_for_too_are_left_to_it) {
    weft::signals outer({SIGUSR1});
    {
        weft::signals inner({SIGUSR1, SIGUSR2});
        kill(getpid(), SIGUSR1);
        kill(getpid(), SIGUSR2);
    }
    EXPECT_EQ(outer.wait(), SIGUSR1);
}

TEST(signals, are_unblocked_at_the_end) {
    { weft::signals wanted({SIGUSR1}); }
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    EXPECT_FALSE(sigismember(&blocked, SIGUSR1));
}

}  // namespace
