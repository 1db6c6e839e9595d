// Cancellation and deadlines at every step of every operation that waits: before it starts, while it waits, and at the same
// moment as what it waits for. Whatever happens, no buffer is touched after the call has returned, no descriptor is left,
// and nothing that had come is lost, or comes twice.

#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <weft/buffered.hpp>
#include <weft/file.hpp>
#include <weft/process.hpp>
#include <weft/signals.hpp>
#include <weft/socket.hpp>

#include "guarded_buffer.hpp"
#include "streams.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;

/// A call that waits.
class subject {
public:
    virtual ~subject() = default;
    /// The call.
    virtual void call(std::error_code& ec) = 0;
    /// What it waits for. Does not suspend.
    virtual void happen() = 0;
    /// The call succeeded, once: what it waited for has come, and nothing more. Gives back what it holds.
    virtual void expect_done() = 0;

    guarded_buffer buffer;
};

/// Of a connected pair, one end of which is read or written by hand.
template <class Pair>
struct two_ends {
    explicit two_ends(Pair p) : near(std::move(p.first)), far(std::move(p.second)) {}
    decltype(Pair::first) near;
    decltype(Pair::second) far;
};

std::pair<weft::udp_socket, weft::udp_socket> udp_pair() {
    weft::udp_socket near(loopback());
    return {std::move(near), weft::udp_socket::connected_to(near.local())};
}

/// Calls that read a word of four bytes which is written at the far end.
template <class Pair, class Read>
class reads : public subject {
public:
    reads(Pair pair, Read read) : ends_(std::move(pair)), read_(read) {}
    void call(std::error_code& ec) override {
        std::size_t n = read_(ends_.near, buffer.open(), ec);
        got_ += buffer.seal(n);
    }
    void happen() override { ASSERT_EQ(::write(ends_.far.fd(), "word", 4), 4); }
    void expect_done() override {
        EXPECT_EQ(got_, "word");
        std::error_code ec;
        weft::with_limit(0s, [&] { EXPECT_EQ(read_(ends_.near, buffer.open(), ec), 0U) << "it came twice"; });
        buffer.seal(0);
    }

private:
    two_ends<Pair> ends_;
    Read read_;
    std::string got_;
};

/// Calls that write a word, which there is no room for until the far end was read.
template <class Pair, class Write>
class writes : public subject {
public:
    writes(Pair pair, Write write) : ends_(std::move(pair)), write_(write) {
        bool settled = false;
        for (std::size_t before = SIZE_MAX; before != filled_ || !settled;) {
            settled = !is_on_its_way();  // asked before: what is acknowledged makes room
            before = filled_;
            fill();
            weft::sleep_for(0ms);
        }
        if constexpr (is_tcp) {  // what is acknowledged late makes no room then, as there is far more than that
            ends_.near.set_send_buffer(1);
        }
    }
    void call(std::error_code& ec) override {
        std::span<std::byte> bytes = buffer.open();
        std::fill(bytes.begin(), bytes.end(), std::byte{'w'});
        written_ += write_(ends_.near, bytes, ec);
        buffer.seal(0);
    }
    void happen() override {
        int flags = fcntl(ends_.far.fd(), F_GETFL);
        fcntl(ends_.far.fd(), F_SETFL, flags | O_NONBLOCK);
        std::vector<char> bytes(65'536);
        for (ssize_t n; (n = ::read(ends_.far.fd(), bytes.data(), bytes.size())) > 0;) {
            std::string_view text(bytes.data(), static_cast<std::size_t>(n));
            read_ += text.size();
            words_ += static_cast<std::size_t>(std::count(text.begin(), text.end(), 'w'));
        }
        fcntl(ends_.far.fd(), F_SETFL, flags);
    }
    void expect_done() override {
        for (happen(); read_ < filled_ + written_; happen()) {
            weft::wait_readable(ends_.far.fd());
        }
        EXPECT_EQ(written_, 64U);
        EXPECT_EQ(words_, 64U);
        EXPECT_EQ(read_, filled_ + 64);
    }

private:
    static constexpr bool is_tcp = std::is_same_v<decltype(Pair::first), weft::tcp_stream>;

    /// TCP takes its time to find that the far end takes no more: there is something sent that was not acknowledged.
    [[nodiscard]] bool is_on_its_way() const {
        if constexpr (is_tcp) {
            tcp_info about{};
            socklen_t size = sizeof about;
            EXPECT_EQ(getsockopt(ends_.near.fd(), IPPROTO_TCP, TCP_INFO, &about, &size), 0);
            return about.tcpi_unacked != 0;
        }
        return false;
    }

    void fill() {
        int flags = fcntl(ends_.near.fd(), F_GETFL);
        fcntl(ends_.near.fd(), F_SETFL, flags | O_NONBLOCK);
        std::vector<char> filling(16'384, 'f');
        for (std::size_t size = filling.size(); size > 0;) {
            ssize_t n = ::write(ends_.near.fd(), filling.data(), size);
            filled_ += n > 0 ? static_cast<std::size_t>(n) : 0;
            size = n > 0 ? size : size / 2;
        }
        fcntl(ends_.near.fd(), F_SETFL, flags);
    }

    two_ends<Pair> ends_;
    Write write_;
    std::size_t filled_ = 0;
    std::size_t written_ = 0;
    std::size_t read_ = 0;
    std::size_t words_ = 0;
};

/// Buffers that are soon full; but TCP with very small ones stands still for longer than a test may.
template <class Pair>
Pair small(Pair pair) {
    int size = 64 << 10;
    setsockopt(pair.first.fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(pair.second.fd(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return pair;
}

template <class Pair, class F>
std::unique_ptr<subject> reading(Pair pair, F f) {
    return std::make_unique<reads<Pair, F>>(std::move(pair), f);
}

template <class Pair, class F>
std::unique_ptr<subject> writing(Pair pair, F f) {
    return std::make_unique<writes<Pair, F>>(small(std::move(pair)), f);
}

class accepts : public subject {
public:
    void call(std::error_code& ec) override {
        weft::tcp_stream s = listener_.accept(ec);
        accepted_ = s ? std::move(s) : std::move(accepted_);
    }
    void happen() override {
        client_ = weft::descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::connect(client_.fd(), listener_.local().data(), listener_.local().size()), 0);
    }
    void expect_done() override {
        EXPECT_TRUE(accepted_);
        accepted_.close();
        client_.close();
    }

private:
    weft::tcp_listener listener_{loopback()};
    weft::descriptor client_;
    weft::tcp_stream accepted_;
};

/// To a listener whose queue is full.
class connects : public subject {
public:
    connects() {
        std::string name = "/tmp/weft-interruption-" + std::to_string(getpid());
        listener_.emplace(weft::endpoint::unix_path(name), weft::listen_options{{}, 0});
        first_ = weft::unix_stream::connect(listener_->local());
    }
    void call(std::error_code& ec) override {
        weft::unix_stream s = weft::unix_stream::connect(listener_->local(), ec);
        connected_ = s ? std::move(s) : std::move(connected_);
    }
    void happen() override { weft::descriptor accepted(::accept4(listener_->fd(), nullptr, nullptr, SOCK_CLOEXEC)); }
    void expect_done() override {
        EXPECT_TRUE(connected_);
        connected_.close();
    }

private:
    std::optional<weft::listener> listener_;
    weft::unix_stream first_;
    weft::unix_stream connected_;
};

class receives_descriptors : public subject {
public:
    void call(std::error_code& ec) override {
        std::size_t n = ends_.near.receive_descriptors(buffer.open(), got_, ec);
        buffer.seal(n);
    }
    void happen() override {
        int fd = 0;
        ends_.far.send_descriptors(weft::bytes_of("x"), std::span(&fd, 1));
    }
    void expect_done() override {
        EXPECT_EQ(got_.size(), 1U);
        got_.clear();
    }

private:
    two_ends<std::pair<weft::unix_stream, weft::unix_stream>> ends_{weft::unix_stream_pair()};
    std::vector<weft::descriptor> got_;
};

class waits_for_a_child : public subject {
public:
    void call(std::error_code& ec) override { status_ = child_.wait(ec); }
    void happen() override { child_.in() = weft::pipe_writer(weft::descriptor(::dup(null_.fd()))); }
    void expect_done() override { EXPECT_EQ(status_.text(), "exited with 0"); }

private:
    weft::descriptor null_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
    weft::process child_ = weft::process::spawn({"cat"}, {.in = weft::stdio::piped});
    weft::exit_status status_{1};
};

class waits_for_a_signal : public subject {
public:
    void call(std::error_code& ec) override { got_ += signals_.wait(ec); }
    void happen() override { ::kill(::getpid(), SIGUSR1); }
    void expect_done() override { EXPECT_EQ(got_, SIGUSR1); }

private:
    weft::signals signals_{SIGUSR1};
    int got_ = 0;
};

class waits_for_a_descriptor : public subject {
public:
    void call(std::error_code& ec) override { weft::wait_readable(pipe_.first.fd(), ec); }
    void happen() override { ASSERT_EQ(::write(pipe_.second.fd(), "x", 1), 1); }
    void expect_done() override { EXPECT_EQ(read_text(pipe_.first), "x"); }

private:
    std::pair<weft::pipe_reader, weft::pipe_writer> pipe_ = weft::make_pipe();
};

auto const read_stream = [](auto& s, std::span<std::byte> bytes, std::error_code& ec) { return s.read(bytes, ec); };
auto const read_message = [](auto& s, std::span<std::byte> bytes, std::error_code& ec) {
    return s.receive_from(bytes, ec).size;
};
auto const write_stream = [](auto& s, std::span<std::byte> bytes, std::error_code& ec) {
    return s.write_all(bytes, ec);
};
auto const write_message = [](auto& s, std::span<std::byte> bytes, std::error_code& ec) {
    s.send(bytes, ec);
    return ec ? 0 : bytes.size();
};

struct named {
    char const* name;
    std::function<std::unique_ptr<subject>()> make;
};

std::vector<named> const subjects{
    {"stream::read, Unix", [] { return reading(weft::unix_stream_pair(), read_stream); }},
    {"stream::read, TCP", [] { return reading(tcp_pair(), read_stream); }},
    {"read_exact",
     [] {
         return reading(weft::unix_stream_pair(), [](auto& s, std::span<std::byte> bytes, std::error_code& ec) {
             return s.read_exact(bytes.first(4), ec);
         });
     }},
    {"receive_from, UDP", [] { return reading(udp_pair(), read_message); }},
    {"receive_from, Unix", [] { return reading(weft::unix_datagram_pair(), read_message); }},
    {"pipe_reader::read", [] { return reading(weft::make_pipe(), read_stream); }},
    {"stream::write_all, Unix", [] { return writing(weft::unix_stream_pair(), write_stream); }},
    {"stream::write_all, TCP", [] { return writing(tcp_pair(), write_stream); }},
    {"send, Unix", [] { return writing(weft::unix_datagram_pair(), write_message); }},
    {"pipe_writer::write_all",
     [] {
         auto pipe = weft::make_pipe();
         return writing(std::pair(std::move(pipe.second), std::move(pipe.first)), write_stream);
     }},
    {"accept", [] { return std::make_unique<accepts>(); }},
    {"connect", [] { return std::make_unique<connects>(); }},
    {"receive_descriptors", [] { return std::make_unique<receives_descriptors>(); }},
    {"process::wait", [] { return std::make_unique<waits_for_a_child>(); }},
    {"signals::wait", [] { return std::make_unique<waits_for_a_signal>(); }},
    {"wait_readable", [] { return std::make_unique<waits_for_a_descriptor>(); }},
};

/// Each subject in both worlds, fresh: `interrupt(subject)` makes the call once, with something to end it, and returns
/// its error, if what the call waits for has not happened; nothing if it has.
struct ending {
    std::error_code error;
    bool happened;
};

template <class F>
void for_each_subject(std::errc expected, F interrupt) {
    for (named const& one : subjects) {
        SCOPED_TRACE(one.name);
        in_both_worlds([&] {
            std::unique_ptr<subject> s = one.make();
            long before = open_descriptors();
            ending end = interrupt(*s);
            if (end.error) {
                EXPECT_EQ(end.error, expected);
                if (!end.happened) {
                    s->happen();
                }
                let_others_run_on();
                s->buffer.expect_untouched();
                std::error_code again;
                weft::with_limit(20s, [&] { s->call(again); });
                EXPECT_FALSE(again) << again.message();
            }
            s->expect_done();
            EXPECT_EQ(open_descriptors(), before);
        });
    }
}

/// Makes the call; meanwhile, when it waits, `f()` is called.
template <class F>
std::error_code call_and(subject& s, std::stop_token token, F f) {
    auto meanwhile = weft::spawn([&f] {
        let_others_run_on();
        f();
    });
    std::error_code ec;
    weft::with_limit(std::move(token), [&] { s.call(ec); });
    meanwhile.join();
    return ec;
}

TEST(interruption, a_stop_before_it_starts) {
    for_each_subject(std::errc::operation_canceled, [](subject& s) {
        std::stop_source stop;
        stop.request_stop();
        std::error_code ec;
        weft::with_limit(stop.get_token(), [&] { s.call(ec); });
        EXPECT_TRUE(ec);
        return ending{ec, false};
    });
}

TEST(interruption, a_deadline_before_it_starts) {
    for_each_subject(std::errc::timed_out, [](subject& s) {
        std::error_code ec;
        weft::with_limit(0s, [&] { s.call(ec); });
        EXPECT_TRUE(ec);
        return ending{ec, false};
    });
}

TEST(interruption, a_deadline_before_it_starts_though_it_need_not_wait) {
    for_each_subject(std::errc::timed_out, [](subject& s) {
        s.happen();
        std::error_code ec;
        weft::with_limit(0s, [&] { s.call(ec); });
        EXPECT_TRUE(ec);
        return ending{ec, true};
    });
}

TEST(interruption, a_stop_while_it_waits) {
    for_each_subject(std::errc::operation_canceled, [](subject& s) {
        std::stop_source stop;
        std::error_code ec = call_and(s, stop.get_token(), [&] { stop.request_stop(); });
        EXPECT_TRUE(ec);
        return ending{ec, false};
    });
}

TEST(interruption, a_deadline_while_it_waits) {
    for_each_subject(std::errc::timed_out, [](subject& s) {
        std::error_code ec;
        weft::with_limit(2ms, [&] { s.call(ec); });
        EXPECT_TRUE(ec);
        return ending{ec, false};
    });
}

TEST(interruption, a_stop_just_after_what_it_waits_for) {
    for_each_subject(std::errc::operation_canceled, [](subject& s) {
        std::stop_source stop;
        std::error_code ec = call_and(s, stop.get_token(), [&] {
            s.happen();
            stop.request_stop();
        });
        return ending{ec, true};
    });
}

TEST(interruption, a_stop_just_before_what_it_waits_for) {
    for_each_subject(std::errc::operation_canceled, [](subject& s) {
        std::stop_source stop;
        std::error_code ec = call_and(s, stop.get_token(), [&] {
            stop.request_stop();
            s.happen();
        });
        return ending{ec, true};
    });
}

TEST(interruption, a_stop_some_turns_after_what_it_waits_for) {
    for (int turns = 1; turns < 4; ++turns) {
        SCOPED_TRACE(turns);
        for_each_subject(std::errc::operation_canceled, [turns](subject& s) {
            std::stop_source stop;
            std::error_code ec = call_and(s, stop.get_token(), [&] {
                s.happen();
                let_others_run_on(turns);
                stop.request_stop();
            });
            return ending{ec, true};
        });
    }
}

TEST(interruption, a_cancelled_task_that_waits) {
    for_each_subject(std::errc::operation_canceled, [](subject& s) {
        auto task = weft::spawn([&] {
            std::error_code ec;
            s.call(ec);
            return ec;
        });
        let_others_run_on();
        EXPECT_FALSE(task.done());
        task.cancel();
        return ending{task.join(), false};
    });
}

/// Operations that threads of the loop, or of the kernel, perform: they end soon, so they are met anywhere on their way.
class interruption_of_files : public folder {};

TEST_F(interruption_of_files, at_any_moment_all_or_nothing_is_done_and_no_buffer_touched) {
    in_both_worlds([&] {
        weft::file f = weft::file::open(path(), weft::file::mode::create);
        long before = open_descriptors();
        for (int turns = 0; turns < 12; ++turns) {
            std::vector<weft::task<std::error_code>> tasks;
            guarded_buffer read;
            guarded_buffer written;
            auto start = [&](auto call) {
                tasks.push_back(weft::spawn([call] {
                    std::error_code ec;
                    call(ec);
                    return ec;
                }));
            };
            start([&](std::error_code& ec) { read.seal(f.read_at(read.open(), 0, ec)); });
            start([&](std::error_code& ec) {
                std::size_t n = f.write_all_at(written.open(), 0, false, ec);
                EXPECT_EQ(n, ec ? 0U : 64U);
                written.seal(0);
            });
            start([&](std::error_code& ec) { f.sync_data(ec); });
            start([&](std::error_code& ec) { f.allocate(0, 4096, ec); });
            start([&](std::error_code& ec) { (void)weft::file::open(path(), weft::file::mode::read, ec); });
            for (int i = 0; i < turns; ++i) {
                let_others_run();
            }
            for (auto& task : tasks) {
                task.cancel();
            }
            for (auto& task : tasks) {
                std::error_code ec = task.join();
                EXPECT_TRUE(!ec || ec == std::errc::operation_canceled || ec == std::errc::operation_not_supported)
                    << ec.message();
            }
            let_others_run_on();
            read.expect_untouched();
            written.expect_untouched();
            // A thread that was let go while it opened the file closes it when it is done.
            let_others_run_while([&] { return open_descriptors() != before; });
        }
    });
}

}  // namespace
