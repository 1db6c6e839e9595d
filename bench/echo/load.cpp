// The client of `./dev bench echo`, the same for all servers: epoll, one thread.
//
//     echo_load PORT --connections N --size BYTES --seconds S [--rate R] [--idle M] [--server PID]
//
// Without --rate, a closed loop: each connection sends its next message when the answer to the last has come. With it, an
// open loop of R messages a second: each has a moment at which it is due, and its latency counts from then, even if the
// connection was still busy and it could only be sent later (else a server that stands still for a second would spoil
// one sample, and not all those that came in that second: "coordinated omission").
//
// --idle: so many more connections, that say nothing. --server: whose CPU time and memory are read.
// Prints one line of JSON: requests, seconds, the server's CPU seconds, its resident bytes, latencies in microseconds; all
// from after the first fifth of the time, but for "all", the requests from the beginning on.

#include <dirent.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "server.hpp"

namespace {

using clock_type = std::chrono::steady_clock;
using nanoseconds = std::int64_t;

nanoseconds now() {
    return clock_type::now().time_since_epoch().count();
}

/// Latencies, to within 1 %: 64 steps for each power of two.
class histogram {
public:
    void add(nanoseconds value) {
        ++counts_[place_of(static_cast<std::uint64_t>(std::max<nanoseconds>(value, 0)))];
        ++total_;
    }
    [[nodiscard]] std::uint64_t total() const { return total_; }

    [[nodiscard]] double microseconds_at(double fraction) const {
        auto left = static_cast<std::uint64_t>(fraction * static_cast<double>(total_));
        std::size_t i = 0;
        while (i + 1 < counts_.size() && counts_[i] <= left) {
            left -= counts_[i++];
        }
        return static_cast<double>(value_of(i)) / 1000;
    }

private:
    static constexpr unsigned bits = 6;
    static std::size_t place_of(std::uint64_t v) {
        auto width = static_cast<unsigned>(std::bit_width(v));
        unsigned shift = width > bits + 1 ? width - (bits + 1) : 0;
        return (std::size_t{shift} << bits) + (v >> shift);
    }
    static std::uint64_t value_of(std::size_t place) {
        std::size_t shift = place < (2U << bits) ? 0 : (place >> bits) - 1;
        return (place - (shift << bits)) << shift;
    }
    std::array<std::uint64_t, 64U << bits> counts_{};
    std::uint64_t total_ = 0;
};

struct arguments {
    int port = 0;
    std::size_t connections = 1;
    std::size_t size = 64;
    double seconds = 1;
    double rate = 0;
    std::size_t idle = 0;
    int server = 0;
};

/// What the server has used so far: /proc/PID/task/*/schedstat, which counts nanoseconds.
double cpu_seconds(int pid) {
    std::string tasks = "/proc/" + std::to_string(pid) + "/task/";
    double sum = 0;
    if (DIR* folder = opendir(tasks.c_str())) {
        while (dirent const* e = readdir(folder)) {
            double used = 0;
            if (e->d_name[0] != '.' && std::ifstream(tasks + e->d_name + "/schedstat") >> used) {
                sum += used;
            }
        }
        closedir(folder);
    }
    return sum / 1e9;
}

long resident_bytes(int pid) {
    long all = 0;
    long resident = 0;
    std::ifstream("/proc/" + std::to_string(pid) + "/statm") >> all >> resident;
    return resident * sysconf(_SC_PAGESIZE);
}

int connect_to(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = echo::any_port();
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        echo::fail("connect");
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    linger reset{.l_onoff = 1, .l_linger = 0};  // leaves no TIME_WAIT behind
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    return fd;
}

struct connection {
    int fd = -1;
    std::size_t unsent = 0;
    std::size_t missing = 0;  ///< Of the answer; 0: idle.
    nanoseconds since = 0;    ///< When the message was sent or due.
    nanoseconds due = 0;      ///< In an open loop: the next one.
};

class load {
public:
    explicit load(arguments const& a) : how_(a), message_(a.size), set_(epoll_create1(EPOLL_CLOEXEC)) {
        for (std::size_t i = 0; i < message_.size(); ++i) {
            message_[i] = static_cast<char>(i * 7 + i / 251);
        }
        connections_.resize(a.connections);
        for (std::size_t i = 0; i < connections_.size(); ++i) {
            connections_[i].fd = connect_to(a.port);
            epoll_event event{EPOLLIN, {.u64 = i}};
            epoll_ctl(set_, EPOLL_CTL_ADD, connections_[i].fd, &event);
        }
        for (std::size_t i = 0; i < a.idle; ++i) {
            connect_to(a.port);
        }
    }

    void run() {
        answer_each_once();
        start_ = now();
        period_ = how_.rate > 0 ? static_cast<nanoseconds>(1e9 * static_cast<double>(how_.connections) / how_.rate) : 0;
        for (std::size_t i = 0; i < connections_.size(); ++i) {
            auto part = static_cast<double>(i) / static_cast<double>(connections_.size());
            connections_[i].due = start_ + static_cast<nanoseconds>(part * static_cast<double>(period_));
            if (how_.rate == 0) {
                begin(i, start_);
            }
        }
        auto warm = static_cast<nanoseconds>(how_.seconds * 0.2e9);
        go_on_until(start_ + warm);
        latencies_ = {};
        double cpu = cpu_seconds(how_.server);
        nanoseconds from = now();
        go_on_until(from + static_cast<nanoseconds>(how_.seconds * 1e9));
        double seconds = static_cast<double>(now() - from) / 1e9;
        cpu = cpu_seconds(how_.server) - cpu;
        std::cout << "{\"all\": " << answers_ << ", \"requests\": " << latencies_.total()
                  << ", \"seconds\": " << seconds << ", \"cpu\": " << cpu
                  << ", \"resident\": " << resident_bytes(how_.server)
                  << ", \"p50\": " << latencies_.microseconds_at(0.5)
                  << ", \"p99\": " << latencies_.microseconds_at(0.99)
                  << ", \"p99.9\": " << latencies_.microseconds_at(0.999) << "}\n";
    }

private:
    /// That it is an echo server is checked here, and not while time is taken.
    void answer_each_once() {
        std::vector<char> answer(message_.size());
        for (connection const& c : connections_) {
            ssize_t sent = send(c.fd, message_.data(), message_.size(), MSG_NOSIGNAL);
            ssize_t got = recv(c.fd, answer.data(), answer.size(), MSG_WAITALL);
            if (sent != got || answer != message_) {
                echo::fail("the server does not echo");
            }
        }
    }

    void begin(std::size_t i, nanoseconds since) {
        connection& c = connections_[i];
        c.since = since;
        c.missing = c.unsent = message_.size();
        send_on(i);
    }

    void send_on(std::size_t i) {
        connection& c = connections_[i];
        bool waited = c.unsent < message_.size();
        ssize_t n = send(c.fd, message_.data() + message_.size() - c.unsent, c.unsent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN) {
            echo::fail("send");
        }
        c.unsent -= static_cast<std::size_t>(n < 0 ? 0 : n);
        if (waited || c.unsent > 0) {
            epoll_event event{EPOLLIN | (c.unsent > 0 ? EPOLLOUT : 0U), {.u64 = i}};
            epoll_ctl(set_, EPOLL_CTL_MOD, c.fd, &event);
        }
    }

    void receive(std::size_t i) {
        connection& c = connections_[i];
        static char buffer[echo::buffer_size];
        ssize_t n = recv(c.fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            echo::fail("recv");
        }
        c.missing -= static_cast<std::size_t>(n < 0 ? 0 : n);
        if (c.missing > 0) {
            return;
        }
        nanoseconds t = now();
        ++answers_;
        latencies_.add(t - c.since);
        if (period_ == 0) {
            begin(i, t);
        } else if (c.due <= t) {
            send_due(i);
        }
    }

    void send_due(std::size_t i) {
        connection& c = connections_[i];
        nanoseconds due = c.due;
        c.due += period_;
        begin(i, due);
    }

    /// In an open loop: what is due by now, by the connections that are idle. The others see to it themselves.
    void send_all_due(nanoseconds t) {
        while (start_ + static_cast<nanoseconds>(static_cast<double>(sent_) * 1e9 / how_.rate) <= t) {
            std::size_t i = sent_++ % connections_.size();
            if (connections_[i].missing == 0 && connections_[i].due <= t) {
                send_due(i);
            }
        }
    }

    void go_on_until(nanoseconds end) {
        std::array<epoll_event, 256> events;
        for (nanoseconds t = now(); t < end; t = now()) {
            if (period_ != 0) {
                send_all_due(t);
            }
            int count = epoll_wait(set_, events.data(), events.size(), period_ != 0 ? 0 : 100);
            for (int k = 0; k < count; ++k) {
                auto const& event = events[static_cast<std::size_t>(k)];
                if ((event.events & EPOLLOUT) != 0) {
                    send_on(event.data.u64);
                }
                if ((event.events & ~static_cast<unsigned>(EPOLLOUT)) != 0) {
                    receive(event.data.u64);
                }
            }
        }
    }

    arguments how_;
    std::vector<char> message_;
    int set_;
    std::vector<connection> connections_;
    histogram latencies_;
    std::uint64_t answers_ = 0;  ///< While it warmed up, too.
    nanoseconds start_ = 0;
    nanoseconds period_ = 0;  ///< Between two messages of a connection, in an open loop.
    std::uint64_t sent_ = 0;
};

arguments read(int argc, char** argv) {
    arguments a;
    a.port = argc > 1 ? std::atoi(argv[1]) : 0;
    for (int i = 2; i + 1 < argc; i += 2) {
        std::string name = argv[i];
        double value = std::atof(argv[i + 1]);
        if (name == "--connections") {
            a.connections = static_cast<std::size_t>(value);
        } else if (name == "--size") {
            a.size = static_cast<std::size_t>(value);
        } else if (name == "--seconds") {
            a.seconds = value;
        } else if (name == "--rate") {
            a.rate = value;
        } else if (name == "--idle") {
            a.idle = static_cast<std::size_t>(value);
        } else if (name == "--server") {
            a.server = static_cast<int>(value);
        } else {
            std::cerr << "echo_load: there is no " << name << "\n";
            std::exit(2);
        }
    }
    return a;
}

}  // namespace

int main(int argc, char** argv) {
    echo::raise_limits();
    load(read(argc, argv)).run();
}
