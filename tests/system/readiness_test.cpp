// Waiting until a descriptor is ready, and what becomes of descriptors that are closed meanwhile.

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <weft/loop.hpp>
#include <weft/task.hpp>

namespace {

/// Two ends that are connected.
class pair_of_ends {
public:
    pair_of_ends() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_), 0); }
    pair_of_ends(pair_of_ends const&) = delete;
    pair_of_ends& operator=(pair_of_ends const&) = delete;
    ~pair_of_ends() {
        close_near();
        ::close(ends_[1]);
    }

    [[nodiscard]] int near() const { return ends_[0]; }
    void tell() const { EXPECT_EQ(::write(ends_[1], "x", 1), 1); }
    void take() const {
        char buffer[8];
        EXPECT_GT(::read(ends_[0], buffer, sizeof buffer), 0);
    }
    void shut_far() const { EXPECT_EQ(::shutdown(ends_[1], SHUT_RDWR), 0); }
    void close_near() {
        if (ends_[0] >= 0) {
            ::close(std::exchange(ends_[0], -1));
        }
    }

private:
    int ends_[2];
};

/// Waits until the descriptor is readable. Returns the events, or -errno.
std::int64_t wait_readable(int fd) {
    weft::operation op{.what = weft::operation::kind::poll, .fd = fd, .flags = POLLIN};
    return weft::detail::wait_for(op, "an end", weft::call_site::here());
}

/// In how many epoll sets of this process the descriptor is (proc(5), fdinfo).
std::size_t sets_with(int fd) {
    std::size_t count = 0;
    for (auto const& entry : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
        std::ifstream info(entry.path());
        for (std::string word; info >> word;) {
            int watched = -1;
            count += word == "tfd:" && info >> watched && watched == fd ? 1 : 0;
        }
    }
    return count;
}

TEST(readiness, ends_a_wait_with_what_was_there_before_and_with_what_comes_later) {
    weft::run([] {
        pair_of_ends ends;
        ends.tell();
        EXPECT_EQ(wait_readable(ends.near()), POLLIN);
        ends.take();
        auto waits = weft::spawn([&] { return wait_readable(ends.near()); });
        weft::yield();
        ends.tell();
        EXPECT_EQ(waits.join(), POLLIN);
    });
}

TEST(readiness, wakes_all_that_wait_for_it) {
    weft::run([] {
        pair_of_ends ends;
        weft::scope all;
        int woken = 0;
        for (int i = 0; i < 10; ++i) {
            all.spawn([&] { woken += wait_readable(ends.near()) == POLLIN ? 1 : 0; });
        }
        weft::yield();
        ends.tell();
        all.join();
        EXPECT_EQ(woken, 10);
        EXPECT_EQ(sets_with(ends.near()), 0U);  // none of them waits any more
    });
}

TEST(readiness, of_a_peer_that_has_gone_never_waits) {
    weft::run([] {
        pair_of_ends ends;
        auto waits = weft::spawn([&] { return wait_readable(ends.near()); });
        weft::yield();
        ends.shut_far();
        EXPECT_NE(waits.join() & POLLIN, 0);
        EXPECT_NE(wait_readable(ends.near()) & POLLIN, 0);
    });
}

TEST(readiness, of_a_bad_descriptor_is_an_error) {
    weft::run([] {
        EXPECT_EQ(wait_readable(-1), -EBADF);
        EXPECT_EQ(wait_readable(1 << 20), -EBADF);
    });
}

TEST(readiness, of_a_file_does_not_wait) {
    weft::run([] {
        int fd = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        EXPECT_EQ(wait_readable(fd), POLLIN);
        ::close(fd);
    });
}

TEST(readiness, is_found_after_a_descriptor_was_closed_without_a_word_and_its_number_used_again) {
    weft::run([] {
        pair_of_ends first;
        first.tell();
        EXPECT_EQ(wait_readable(first.near()), POLLIN);
        int const number = first.near();
        std::thread([&] { first.close_near(); }).join();
        pair_of_ends second;
        ASSERT_EQ(second.near(), number);
        auto waits = weft::spawn([&] { return wait_readable(number); });
        weft::yield();
        second.tell();
        EXPECT_EQ(waits.join(), POLLIN);
    });
}

TEST(readiness, is_watched_no_longer_than_it_is_waited_for) {
    weft::run([] {
        pair_of_ends ends;
        ends.tell();
        EXPECT_EQ(wait_readable(ends.near()), POLLIN);
        EXPECT_EQ(sets_with(ends.near()), 0U);
        ends.take();
        auto waits = weft::spawn([&] { return wait_readable(ends.near()); });
        weft::yield();
        waits.cancel();
        EXPECT_EQ(waits.join(), -ECANCELED);
        EXPECT_EQ(sets_with(ends.near()), 0U);
    });
}

}  // namespace
