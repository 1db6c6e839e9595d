// A reactor by itself: where it may be used, and what it says when the system fails it.

#include <gtest/gtest.h>

#include <csignal>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>
#include <weft/event.hpp>
#include <weft/loop.hpp>
#include <weft/offload.hpp>
#include <weft/reactor.hpp>
#include <weft/task.hpp>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

/// Waits for a byte that another coroutine writes.
void exchange_a_byte() {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    auto reader = weft::spawn([&] {
        weft::operation op{.what = weft::operation::kind::poll, .fd = ends[0], .flags = POLLIN};
        return weft::detail::wait_for(op, "a pipe", weft::call_site::here());
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

// A pipe of two pages, that nobody reads for now, holds up the third write to it.
TEST(reactor, tells_of_the_first_of_many_writes_to_a_file_while_others_are_made) {
    auto const page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    ASSERT_EQ(fcntl(ends[1], F_SETPIPE_SZ, 2 * page), static_cast<int>(2 * page));
    std::vector<char> bytes(page);
    weft::run([&] {
        iovec one{bytes.data(), page};
        std::vector<weft::task<std::int64_t>> writes;
        for (int i = 0; i < 4; ++i) {
            writes.push_back(weft::spawn([&] {
                constexpr std::uint64_t where_it_is = UINT64_MAX;  // pwritev2(2): -1
                weft::operation op{.what = weft::operation::kind::writev,
                                   .fd = ends[1],
                                   .iovec_count = 1,
                                   .iovecs = &one,
                                   .offset = where_it_is};
                return weft::detail::wait_for(op, "a pipe", weft::call_site::here());
            }));
        }
        auto told = [&] { return std::ranges::count_if(writes, [](auto const& w) { return w.done(); }); };
        for (auto end = weft::clock::now() + 20s; told() < 2 && weft::clock::now() < end;) {
            weft::sleep_for(1ms);
        }
        EXPECT_EQ(told(), 2);
        for (auto& write : writes) {
            EXPECT_EQ(read(ends[0], bytes.data(), page), static_cast<ssize_t>(page));
            EXPECT_EQ(write.join(), static_cast<std::int64_t>(page));
        }
    });
    close(ends[0]);
    close(ends[1]);
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

/// A reactor whose poll() throws when it is told to.
class failing final : public weft::reactor {
public:
    [[nodiscard]] std::string_view name() const override { return own_->name(); }
    void start(weft::operation& op) noexcept override { own_->start(op); }
    void cancel(weft::operation& op) noexcept override { own_->cancel(op); }
    void poll(std::optional<std::chrono::nanoseconds> timeout) override {
        if (std::exchange(fails, false)) {
            own_->poll(0ns);
            throw std::runtime_error("no turn");
        }
        own_->poll(timeout);
    }
    [[nodiscard]] bool has_work() const noexcept override { return true; }
    [[nodiscard]] bool nothing_under_way() const noexcept override { return own_->nothing_under_way(); }
    void notify() noexcept override { own_->notify(); }
    void closing(int fd) noexcept override { own_->closing(fd); }

    bool fails = false;

private:
    std::unique_ptr<weft::reactor> own_ = weft::make_reactor();
};

/// Calls `test(reactor)` on a thread whose loop is on a failing one, outside coroutines.
template <class F>
void with_a_failing_reactor(F test) {
    std::thread([&] {
        auto made = std::make_unique<failing>();
        failing& reactor = *made;
        weft::loop loop(std::move(made));
        test(reactor);
    }).join();
}

TEST(a_wait_outside_coroutines, that_an_exception_leaves_has_taken_its_operation_back) {
    with_a_failing_reactor([](failing& reactor) {
        int ends[2];
        ASSERT_EQ(pipe(ends), 0);
        char byte = '.';
        iovec one{&byte, 1};
        for (auto what : {weft::operation::kind::poll, weft::operation::kind::recvmsg}) {
            ASSERT_EQ(what == weft::operation::kind::recvmsg ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : 0, 0);
            msghdr message{};
            message.msg_iov = &one;
            message.msg_iovlen = 1;
            weft::operation op{.what = what, .fd = ends[0], .flags = what == weft::operation::kind::poll ? POLLIN : 0};
            op.message = &message;
            reactor.fails = true;
            EXPECT_THROW(weft::detail::wait_for(op, "nothing", weft::call_site::here()), std::runtime_error);
            EXPECT_TRUE(reactor.nothing_under_way());
            EXPECT_EQ(op.result, -ECANCELED);
            ASSERT_EQ(write(ends[1], "x", 1), 1);
            weft::loop::current().run_once(false);
            EXPECT_EQ(byte, '.');
            close(ends[0]);
            close(ends[1]);
        }
    });
}

TEST(a_wait_outside_coroutines, that_an_exception_leaves_has_disarmed_its_timer) {
    with_a_failing_reactor([](failing& reactor) {
        reactor.fails = true;
        EXPECT_THROW(weft::sleep_for(1ms), std::runtime_error);
        weft::sleep_for(2ms);
        EXPECT_EQ(weft::loop::current().statistics().timers_fired, 1U);
    });
}

TEST(a_wait_outside_coroutines, that_an_exception_leaves_has_waited_for_its_call) {
    with_a_failing_reactor([](failing& reactor) {
        std::latch begun(1);
        bool returned = false;
        reactor.fails = true;
        EXPECT_THROW(weft::offload([&] {
                         begun.count_down();
                         returned = true;
                     }),
                     std::runtime_error);
        EXPECT_TRUE(reactor.nothing_under_way());
        EXPECT_EQ(returned, begun.try_wait());
    });
}

TEST(a_wait_outside_coroutines, that_an_exception_leaves_no_longer_joins_its_task) {
    with_a_failing_reactor([](failing& reactor) {
        weft::event may_end(weft::event::manual);
        auto task = weft::spawn([&] { may_end.wait(); });
        reactor.fails = true;
        EXPECT_THROW(task.join(), std::runtime_error);
        may_end.set();
        task.join();
    });
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
        EXPECT_EXIT(run(), testing::ExitedWithCode(3), "");  // UBSan needs descriptors of its own, and complains
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
