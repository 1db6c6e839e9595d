// What goes wrong outside: the system's calls that are interrupted, cut short, or say again and again that they would have
// to wait; descriptors and room that run out; peers that are slow, or go.

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>
#include <weft/buffered.hpp>
#include <weft/file.hpp>
#include <weft/process.hpp>
#include <weft/socket.hpp>

#include "streams.hpp"

// ---- a shim in front of the system's calls: what the library calls, in this program, is this -------------------------

namespace {

/// While it lives, of the calls that the shim knows, each is interrupted first, then, where it may, says some times that it
/// would have to wait, and then moves few bytes. A socket that says so keeps an edge back for epoll, as the shim does not.
struct faulty_system {
    explicit faulty_system(std::size_t bytes_at_once = 3) : at_once(bytes_at_once) { present = this; }
    faulty_system(faulty_system const&) = delete;
    faulty_system& operator=(faulty_system const&) = delete;
    ~faulty_system() { present = nullptr; }

    /// Whether the call fails this time, with errno set.
    bool fails(bool may_wait) {
        int step = static_cast<int>(calls++ % 5);
        if (step == 0) {
            errno = EINTR;
            ++interruptions;
            return true;
        }
        if (step < 4 && may_wait) {
            errno = EAGAIN;
            return true;
        }
        return false;
    }

    std::size_t at_once;
    std::atomic<unsigned> calls{0};
    std::atomic<unsigned> interruptions{0};
    static std::atomic<faulty_system*> present;
};

std::atomic<faulty_system*> faulty_system::present{nullptr};

/// Pipes and terminals do as if the kernel knew no RWF_NOWAIT there.
std::atomic<bool> without_nowait{false};

/// While it lives, a write to this descriptor is held up.
struct held_write {
    explicit held_write(int file) : fd(file) { present = this; }
    held_write(held_write const&) = delete;
    held_write& operator=(held_write const&) = delete;
    ~held_write() { present = nullptr; }

    int const fd;
    std::latch has_begun{1};
    std::latch may_go_on{1};
    static std::atomic<held_write*> present;
};

std::atomic<held_write*> held_write::present{nullptr};

template <class F>
F* real(char const* name) {
    return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

/// `message` with no more than so many bytes.
struct shortened {
    shortened(msghdr const& message, std::size_t most) : header(message), one(message.msg_iov[0]) {
        one.iov_len = std::min(one.iov_len, most);
        header.msg_iov = &one;
        header.msg_iovlen = 1;
    }
    msghdr header;
    iovec one;
};

}  // namespace

extern "C" {

ssize_t recv(int fd, void* buffer, size_t size, int flags) {
    static auto* const next = real<decltype(recv)>("recv");
    if (faulty_system* f = faulty_system::present) {
        return f->fails(false) ? -1 : next(fd, buffer, std::min(size, f->at_once), flags);
    }
    return next(fd, buffer, size, flags);
}

ssize_t sendmsg(int fd, msghdr const* message, int flags) {
    static auto* const next = real<decltype(sendmsg)>("sendmsg");
    if (faulty_system* f = faulty_system::present; f != nullptr && message->msg_iovlen > 0) {
        shortened less(*message, f->at_once);
        return f->fails(false) ? -1 : next(fd, &less.header, flags);
    }
    return next(fd, message, flags);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
    static auto* const next = real<decltype(recvmsg)>("recvmsg");
    if (faulty_system* f = faulty_system::present; f != nullptr && message->msg_iovlen > 0) {
        shortened less(*message, f->at_once);
        return f->fails(false) ? -1 : next(fd, &less.header, flags);
    }
    return next(fd, message, flags);
}

// The library is compiled for 64-bit offsets: these are what its preadv2() and pwritev2() are called.
ssize_t preadv64v2(int fd, iovec const* buffers, int count, off64_t offset, int flags) {
    static auto* const next = real<decltype(preadv64v2)>("preadv64v2");
    if (without_nowait && offset == -1 && (flags & RWF_NOWAIT) != 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (faulty_system* f = faulty_system::present) {
        iovec one{buffers->iov_base, std::min(buffers->iov_len, f->at_once)};
        return f->fails((flags & RWF_NOWAIT) != 0) ? -1 : next(fd, &one, 1, offset, flags);
    }
    return next(fd, buffers, count, offset, flags);
}

ssize_t pwritev64v2(int fd, iovec const* buffers, int count, off64_t offset, int flags) {
    static auto* const next = real<decltype(pwritev64v2)>("pwritev64v2");
    if (held_write* held = held_write::present; held != nullptr && held->fd == fd) {
        held->has_begun.count_down();
        held->may_go_on.wait();
    }
    if (without_nowait && offset == -1 && (flags & RWF_NOWAIT) != 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (faulty_system* f = faulty_system::present) {
        iovec one{buffers->iov_base, std::min(buffers->iov_len, f->at_once)};
        return f->fails((flags & RWF_NOWAIT) != 0) ? -1 : next(fd, &one, 1, offset, flags);
    }
    return next(fd, buffers, count, offset, flags);
}

}  // extern "C"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::bytes_of;

/// Descriptors run out: there is room for `left` more.
class few_descriptors {
public:
    explicit few_descriptors(int left) {
        getrlimit(RLIMIT_NOFILE, &before_);
        rlimit few = before_;
        for (; left >= 0; --left) {
            free_.push_back(::dup(0));
        }
        few.rlim_cur = static_cast<rlim_t>(free_.back());
        for (int fd : free_) {
            ::close(fd);
        }
        setrlimit(RLIMIT_NOFILE, &few);
    }
    few_descriptors(few_descriptors const&) = delete;
    few_descriptors& operator=(few_descriptors const&) = delete;
    ~few_descriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
    std::vector<int> free_;
};

class faults : public folder {};

TEST_F(faults, interrupted_and_short_calls_on_sockets_lose_nothing) {
    std::string const text = numbers(2'000);
    in_both_worlds([&] {
        auto a_and_b = weft::unix_stream_pair();
        faulty_system system(7);
        auto writer = weft::spawn([&] {
            a_and_b.first.write_all(bytes_of(text));
            a_and_b.first.shutdown_write();
        });
        EXPECT_EQ(weft::read_all(a_and_b.second, 1 << 20), text);
        writer.join();
        EXPECT_GT(system.interruptions, 0U);
    });
}

TEST_F(faults, interrupted_and_short_calls_on_pipes_lose_nothing) {
    std::string const text = numbers(2'000);
    in_both_worlds([&] {
        auto pipe = weft::make_pipe();
        faulty_system system(7);
        auto writer = weft::spawn([&] {
            pipe.second.write_all(bytes_of(text));
            pipe.second.close();
        });
        weft::buffered_reader in(pipe.first);
        EXPECT_EQ(weft::read_all(in, 1 << 20), text);
        writer.join();
        EXPECT_GT(system.interruptions, 100U);
    });
}

TEST_F(faults, interrupted_and_short_calls_on_files_lose_nothing) {
    std::string const text = numbers(2'000);
    in_both_worlds([&] {
        weft::file f = weft::file::open(path(), weft::file::mode::create);
        faulty_system system(7);
        f.write_all_at(bytes_of(text), 0);
        weft::file_cursor from(f);
        EXPECT_EQ(weft::read_all(from, 1 << 20), text);
        EXPECT_GT(system.interruptions, 10U);
    });
}

TEST_F(faults, interrupted_calls_bring_messages_whole) {
    in_both_worlds([] {
        weft::udp_socket a(loopback());
        weft::udp_socket b(loopback());
        faulty_system system(100);
        auto receiver = weft::spawn([&] {
            std::array<std::byte, 100> buffer;
            weft::datagram got = b.receive_from(buffer);
            return text_of(std::span(buffer).first(got.size));
        });
        a.send_to(bytes_of("message"), b.local());
        EXPECT_EQ(receiver.join(), "message");
    });
}

TEST_F(faults, what_wakes_many_and_is_there_for_one_reaches_each_in_the_end) {
    in_both_worlds([] {
        weft::udp_socket a(loopback());
        weft::udp_socket b(loopback());
        int received = 0;
        weft::scope receivers;
        for (int i = 0; i < 20; ++i) {
            receivers.spawn([&] {
                std::array<std::byte, 10> buffer;
                received += b.receive_from(buffer).size == 1 ? 1 : 0;
            });
        }
        for (int i = 1; i <= 20; ++i) {
            let_others_run_on();
            EXPECT_EQ(received, i - 1);
            a.send_to(bytes_of("x"), b.local());
        }
        receivers.join();
        EXPECT_EQ(received, 20);
    });
}

TEST_F(faults, pipes_work_where_the_kernel_cannot_try_them_without_waiting) {
    std::string const text = numbers(300'000);
    in_both_worlds([&] {
        struct guard {
            guard() { without_nowait = true; }
            ~guard() { without_nowait = false; }
        } old_kernel;
        auto pipe = weft::make_pipe();
        auto reader = weft::spawn([&] { return weft::read_all(pipe.first, 1 << 20); });
        let_others_run_on();
        EXPECT_FALSE(reader.done());
        pipe.second.write_all(bytes_of(text));
        pipe.second.close();
        EXPECT_TRUE(reader.join() == text);
    });
}

TEST_F(faults, a_file_that_is_closed_while_a_thread_writes_to_it_keeps_its_number_until_the_write_is_done) {
    for (bool on_another_thread : {false, true}) {
        in_both_worlds([&] {
            weft::file f = weft::file::open(path(), weft::file::mode::create);
            held_write held(f.fd());
            auto writer = weft::spawn([&] {
                std::error_code ec;
                EXPECT_EQ(f.write_all_at(bytes_of("kept"), 0, false, ec), 4U);
                return ec;
            });
            let_others_run_on();
            held.has_begun.wait();
            on_another_thread ? std::thread([&] { f.close(); }).join() : f.close();
            weft::descriptor next(::open(path("next").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
            EXPECT_NE(next.fd(), held.fd);
            held.may_go_on.count_down();
            EXPECT_EQ(writer.join(), std::error_code());
            EXPECT_EQ(fcntl(held.fd, F_GETFD), -1);
            EXPECT_EQ(std::filesystem::file_size(path()), 4U);
            EXPECT_EQ(std::filesystem::file_size(path("next")), 0U);
        });
    }
}

TEST_F(faults, a_signal_handler_that_runs_all_the_time_disturbs_nothing) {
    std::string const text = numbers(1 << 20);
    struct sigaction ignore {};
    struct sigaction before {};
    ignore.sa_handler = [](int) {};  // without SA_RESTART: what it interrupts, says EINTR
    sigaction(SIGALRM, &ignore, &before);
    itimerval often{{0, 200}, {0, 200}};
    setitimer(ITIMER_REAL, &often, nullptr);
    in_both_worlds([&] {
        auto a_and_b = tcp_pair();
        auto pipe = weft::make_pipe();
        auto writer = weft::spawn([&] {
            a_and_b.first.write_all(bytes_of(text));
            a_and_b.first.close();
        });
        auto between = weft::spawn([&] {
            weft::copy(a_and_b.second, pipe.second);
            pipe.second.close();
        });
        EXPECT_TRUE(weft::read_all(pipe.first, 2 << 20) == text);
        writer.join();
        between.join();
        EXPECT_TRUE(weft::process::spawn({"true"}).wait().success());
    });
    itimerval never{};
    setitimer(ITIMER_REAL, &never, nullptr);
    sigaction(SIGALRM, &before, nullptr);
}

TEST_F(faults, an_accept_without_descriptors_waits_until_there_are_some_and_spends_no_time_on_it) {
    in_both_worlds([&] {
        weft::tcp_listener listener(loopback());
        weft::tcp_stream client = weft::tcp_stream::connect(listener.local());
        weft::loop& here = weft::loop::current();
        auto accepting = weft::spawn([&] { return listener.accept(); });
        {
            few_descriptors none(0);
            // Each look is a timer's, and so is each of these sleeps; in between the loop has nothing to do.
            weft::loop_statistics before = here.statistics();
            weft::loop_statistics after = before;
            for (std::uint64_t sleeps = 0; after.timers_fired < before.timers_fired + sleeps + 2; ++sleeps) {
                weft::sleep_for(1ms);
                after = here.statistics();
            }
            EXPECT_FALSE(accepting.done());
            EXPECT_LE(after.turns - before.turns, 4 * (after.timers_fired - before.timers_fired))
                << "it looks all the time";
        }
        weft::tcp_stream accepted = accepting.join();
        client.write_all(bytes_of("served"));
        EXPECT_EQ(read_text(accepted), "served");
    });
}

TEST_F(faults, an_accept_without_descriptors_can_be_ended) {
    in_both_worlds([&] {
        weft::tcp_listener listener(loopback());
        few_descriptors none(0);
        std::error_code ec;
        EXPECT_FALSE(weft::with_limit(2ms, [&] { return listener.accept(ec); }));
        EXPECT_EQ(ec, std::errc::timed_out);
    });
}

TEST_F(faults, whatever_needs_a_descriptor_says_that_there_is_none_and_leaks_none) {
    in_both_worlds([&] {
        weft::tcp_listener listener(loopback());
        weft::file::open(path(), weft::file::mode::create).close();  // a worker is there now
        long before = open_descriptors();
        for (int left = 0; left < 3; ++left) {
            few_descriptors few(left);
            std::error_code ec;
            if (left == 0) {
                EXPECT_FALSE(weft::tcp_stream::connect(listener.local(), ec));
                EXPECT_EQ(ec, std::errc::too_many_files_open);
                EXPECT_FALSE(weft::file::open(path(), weft::file::mode::read, ec));
                EXPECT_EQ(ec, std::errc::too_many_files_open);
                (void)weft::resolve("localhost.test", "80", {}, ec);
                EXPECT_TRUE(ec);
            }
            if (left < 2) {
                EXPECT_EQ(thrown_by([] { (void)weft::make_pipe(); }).code(), std::errc::too_many_files_open);
                EXPECT_EQ(thrown_by([] { (void)weft::unix_stream_pair(); }).code(), std::errc::too_many_files_open);
            }
            weft::process child =
                weft::process::spawn({"true"}, {.in = weft::stdio::piped, .out = weft::stdio::piped}, ec);
            EXPECT_FALSE(child);
            EXPECT_EQ(ec, std::errc::too_many_files_open);
        }
        EXPECT_EQ(open_descriptors(), before);
        EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child without an owner";
    });
}

TEST_F(faults, a_file_that_may_not_grow_says_so_and_how_much_was_written) {
    struct sigaction ignore {};
    struct sigaction before {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGXFSZ, &ignore, &before);
    rlimit unlimited{};
    getrlimit(RLIMIT_FSIZE, &unlimited);
    in_both_worlds([&] {
        weft::file f = weft::file::open(path(), weft::file::mode::create);
        f.resize(0);
        rlimit few = unlimited;
        few.rlim_cur = 1'000;
        setrlimit(RLIMIT_FSIZE, &few);
        std::error_code ec;
        std::size_t n = f.write_all_at(std::vector<std::byte>(3'000), 0, false, ec);
        setrlimit(RLIMIT_FSIZE, &unlimited);
        EXPECT_EQ(ec, std::errc::file_too_large);
        EXPECT_EQ(n, 1'000U);
        EXPECT_EQ(f.size(), 1'000U);
    });
    sigaction(SIGXFSZ, &before, nullptr);
}

TEST_F(faults, a_device_without_room_says_so) {
    in_both_worlds([] {
        weft::file full = weft::file::open("/dev/full", weft::file::mode::read_write);
        EXPECT_EQ(thrown_by([&] { full.write_all_at(bytes_of("x"), 0); }).code(), std::errc::no_space_on_device);
        weft::pipe_writer out(weft::descriptor(::open("/dev/full", O_WRONLY | O_CLOEXEC)));
        EXPECT_EQ(thrown_by([&] { out.write_all(bytes_of("x")); }).code(), std::errc::no_space_on_device);
    });
}

TEST_F(faults, a_connection_that_is_reset_ends_reads_and_writes_that_wait) {
    in_both_worlds([] {
        auto a_and_b = tcp_pair();
        a_and_b.first.set_send_buffer(4096);
        auto reader = weft::spawn([&] { return read_text(a_and_b.first); });
        auto writer = weft::spawn([&] { a_and_b.first.write_all(std::vector<std::byte>(16 << 20)); });
        let_others_run_on();
        EXPECT_FALSE(writer.done());
        a_and_b.second.set_linger(0s);
        a_and_b.second.close();
        std::error_code read = error_of(reader);
        std::error_code written = error_of(writer);
        // Whoever is first is told of the reset; the other finds a connection that has ended.
        EXPECT_TRUE(read == std::errc::connection_reset || !read) << read.message();
        EXPECT_TRUE(written == std::errc::connection_reset || written == std::errc::broken_pipe) << written.message();
        EXPECT_TRUE(read == std::errc::connection_reset || written == std::errc::connection_reset);
    });
}

TEST_F(faults, a_connection_that_was_reset_while_it_waited_to_be_accepted_disturbs_no_other) {
    in_both_worlds([] {
        weft::tcp_listener listener(loopback());
        for (int i = 0; i < 3; ++i) {
            weft::tcp_stream gone = weft::tcp_stream::connect(listener.local());
            gone.set_linger(0s);
        }
        weft::tcp_stream client = weft::tcp_stream::connect(listener.local());
        client.write_all(bytes_of("here"));
        std::string got;
        for (int i = 0; i < 4 && got.empty(); ++i) {
            weft::tcp_stream s = listener.accept();
            std::array<std::byte, 10> buffer;
            std::error_code ec;
            got = text_of(std::span(buffer).first(s.read(buffer, ec)));
        }
        EXPECT_EQ(got, "here");
    });
}

TEST_F(faults, a_slow_peer_holds_up_nobody_else) {
    in_both_worlds([] {
        auto slow = weft::unix_stream_pair();
        auto quick = weft::unix_stream_pair();
        auto to_the_slow = weft::spawn([&] { slow.first.write_all(std::vector<std::byte>(1 << 20)); });
        let_others_run_on();
        for (int i = 0; i < 100; ++i) {
            quick.first.write_all(bytes_of("ping"));
            ASSERT_EQ(read_text(quick.second), "ping");
        }
        EXPECT_FALSE(to_the_slow.done());
        std::size_t got = 0;
        std::array<std::byte, 1'000> little;
        while (got < 1 << 20) {
            got += slow.second.read(little);
        }
        to_the_slow.join();
    });
}

}  // namespace
