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

namespace {

using namespace std::chrono_literals;

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

template <class T>
std::error_code error_of(weft::task<T>& t) {
    try {
        t.join();
    } catch (std::system_error const& e) {
        return e.code();
    }
    return {};
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
    weft::run([] {
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        auto& writing = reading_and_writing.second;
        auto waiter = weft::spawn([&] { weft::wait_readable(reading.fd()); });
        weft::yield();
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
    weft::run([] {
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        auto& writing = reading_and_writing.second;
        auto waiter = weft::spawn([&] { weft::wait_readable(reading.fd()); });
        weft::yield();
        writing.close();
        waiter.join();
    });
}

TEST(wait_readable, works_again_and_again_on_one_descriptor) {
    weft::run([] {
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        auto& writing = reading_and_writing.second;
        for (int i = 0; i < 10; ++i) {
            auto waiter = weft::spawn([&] { weft::wait_readable(reading.fd()); });
            weft::yield();
            write_byte(writing.fd());
            waiter.join();
            char byte;
            ASSERT_EQ(::read(reading.fd(), &byte, 1), 1);
        }
    });
}

TEST(wait_readable, can_be_cancelled) {
    weft::run([] {
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        auto waiter = weft::spawn([&] { weft::wait_readable(reading.fd()); });
        weft::yield();
        waiter.cancel();
        EXPECT_EQ(error_of(waiter), std::errc::operation_canceled);
    });
}

TEST(wait_readable, refuses_what_is_no_descriptor) {
    weft::run([] { EXPECT_THROW(weft::wait_readable(-1), std::system_error); });
}

TEST(wait_readable, works_on_a_descriptor_that_bears_the_number_of_one_closed_by_its_owner) {
    weft::run([] {
        int fds[2];
        for (int round = 0; round < 2; ++round) {
            ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);  // the same numbers each time
            bool timed_out = false;
            auto waiter = weft::spawn([&] { weft::wait_readable(fds[0]); });
            auto watch = weft::spawn([&] {
                weft::sleep_for(5s);
                timed_out = true;
                waiter.cancel();
            });
            weft::yield();
            write_byte(fds[1]);
            EXPECT_EQ(error_of(waiter), std::error_code());
            EXPECT_FALSE(timed_out) << "in round " << round;
            ::close(fds[0]);  // wait_readable() leaves it the caller's: a plain close is the caller's right
            ::close(fds[1]);
        }
    });
}

TEST(wait_readable, six_thousand_that_end_at_once_all_go_on) {
    constexpr int waiters = 6'000;  // more than io_uring's completion queue holds
    int gone_on = 0;
    weft::run([&] {
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        auto& writing = reading_and_writing.second;
        weft::scope all;
        for (int i = 0; i < waiters; ++i) {
            all.spawn([&] {
                weft::wait_readable(reading.fd());
                ++gone_on;
            });
        }
        weft::sleep_for(1ms);
        write_byte(writing.fd());
        all.join();
    });
    EXPECT_EQ(gone_on, waiters);
}

TEST(wait_writable, waits_until_there_is_room) {
    weft::run([] {
        auto reading_and_writing = make_pipe();
        auto& reading = reading_and_writing.first;
        auto& writing = reading_and_writing.second;
        fcntl(writing.fd(), F_SETFL, O_NONBLOCK);
        std::array<char, 4096> page{};
        while (::write(writing.fd(), page.data(), page.size()) > 0) {
        }
        auto waiter = weft::spawn([&] { weft::wait_writable(writing.fd()); });
        weft::yield();
        EXPECT_FALSE(waiter.done());
        while (!waiter.done() && ::read(reading.fd(), page.data(), page.size()) > 0) {
            weft::sleep_for(100us);
            pollfd room{writing.fd(), POLLOUT, 0};
            if (::poll(&room, 1, 0) == 1) {
                break;
            }
        }
        waiter.join();
    });
}

TEST(signals, are_waited_for) {
    weft::run([] {
        weft::signals wanted({SIGUSR1, SIGUSR2});
        auto waiter = weft::spawn([&] { return wanted.wait(); });
        weft::yield();
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
    weft::run([] {
        weft::signals wanted({SIGUSR1});
        auto waiter = weft::spawn([&] { return wanted.wait(); });
        weft::yield();
        waiter.cancel();
        EXPECT_EQ(error_of(waiter), std::errc::operation_canceled);
    });
}

TEST(signals, are_unblocked_at_the_end) {
    { weft::signals wanted({SIGUSR1}); }
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    EXPECT_FALSE(sigismember(&blocked, SIGUSR1));
}

}  // namespace
