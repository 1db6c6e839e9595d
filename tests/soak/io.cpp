// Random clients, faults and cancellations against an echo server and the NBD server. Clients send in pieces of any size,
// are slow, leave in the middle of a message, reset, send garbage, are cancelled and meet limits; the server ends some
// connections early; signals interrupt all threads, and for moments there are no descriptors to be had.
//
//     soak_io [--seconds N] [--seed N] [--threads N] [--clients N]
//
// Nothing may be lost: what ended in order came back as it was sent; a disk block holds what was last written to it; no
// client sees more connections end early than the server ended; at the end the server still serves, and no coroutine and
// no descriptor is left.
//
// The seed gives each client the same sessions again, with the same bytes, pieces, times and ends. How these meet with those
// of the others and with the kernel is not repeated.

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <deque>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <weft/dump.hpp>
#include <weft/limit.hpp>
#include <weft/task.hpp>
#include <weft/wait_group.hpp>

#include "io.hpp"

namespace {

using namespace std::chrono_literals;
using soak::counter;
using soak::random_numbers;
using soak::region;
using soak::seed;
using soak::world;

struct options {
    std::uint64_t seconds = 600, threads = 2, clients = 48;
};

[[noreturn]] void fail(std::string const& what) {
    std::fprintf(stderr, "soak io: %s; --seed %" PRIu64 "\n", what.c_str(), seed);
    std::abort();
}

/// A file without a name, as large as all regions.
class image {
public:
    explicit image(std::size_t regions) {
        std::string name = (std::filesystem::temp_directory_path() / "weft-soak-XXXXXX").string();
        fd_ = mkostemp(name.data(), O_CLOEXEC);
        std::size_t size = regions * region::blocks * soak::block_size;
        if (fd_ < 0 || unlink(name.c_str()) != 0 || ftruncate(fd_, static_cast<off_t>(size)) != 0) {
            fail("cannot make " + name + ": " + std::system_category().message(errno));
        }
    }
    image(image const&) = delete;
    image& operator=(image const&) = delete;
    ~image() { close(fd_); }

    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

    void compare(region& r) const {
        for (std::size_t block = 0; block < region::blocks; ++block) {
            std::array<std::byte, soak::block_size> data;
            REQUIRE(pread(fd_, data.data(), data.size(), static_cast<off_t>(r.offset(block))) == ssize_t{data.size()});
            r.found(block, data);
        }
    }

private:
    int fd_;
};

std::size_t open_descriptors() {
    std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// A thread with a loop that runs `body`. What leaves that fails the soak.
template <class F>
std::jthread loop_thread(char const* what, F body) {
    return std::jthread([what, body] {
        try {
            weft::run(body);
        } catch (std::exception const& e) {
            fail(std::string(what) + ": " + e.what());
        }
    });
}

/// While it lives, the process has few descriptors, or none, that are not in use.
class starvation {
public:
    explicit starvation(rlim_t few) {
        getrlimit(RLIMIT_NOFILE, &before_);
        rlimit low = before_;
        low.rlim_cur = few;
        setrlimit(RLIMIT_NOFILE, &low);
    }
    starvation(starvation const&) = delete;
    starvation& operator=(starvation const&) = delete;
    ~starvation() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

/// What the system does to a program.
std::uint64_t storm(std::vector<pthread_t> const& threads, std::chrono::seconds time) {
    random_numbers random(seed);
    std::uint64_t interruptions = 0;
    for (auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end;) {
        std::this_thread::sleep_for(std::chrono::microseconds(random.below(3'000)));
        pthread_kill(threads[random.below(threads.size())], SIGUSR2);
        ++interruptions;
        if (random.below(300) == 0) {
            starvation for_a_moment(10 + random.below(100));
            std::this_thread::sleep_for(std::chrono::microseconds(random.below(20'000)));
        }
    }
    return interruptions;
}

void interrupt_with(int signal) {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // without SA_RESTART
    sigaction(signal, &action, nullptr);
}

/// Calls `wait`; if that does not return in a minute, says who waits for what.
template <class F>
void require_soon(char const* otherwise, F wait) {
    if (!weft::within(60s, wait)) {
        weft::dump(std::cerr);
        fail(std::string("a minute ") + otherwise);
    }
}

/// All clients, on so many loops, until the time is over and each has ended the session that it was at.
std::uint64_t let_them_loose(options const& o, world& w, std::deque<region>& regions, std::jthread& server) {
    weft::wait_group busy(static_cast<std::int64_t>(o.threads));
    std::vector<std::jthread> loops;
    std::vector<pthread_t> threads{server.native_handle()};
    std::atomic<std::uint64_t> started{0};
    for (std::uint64_t i = 0; i < o.threads; ++i) {
        loops.push_back(loop_thread("a client", [&, i] {
            ++started;
            started.notify_one();
            weft::scope clients;
            for (std::size_t n = i; n < regions.size(); n += o.threads) {
                clients.spawn({.name = "client"}, [&, n] { soak::live(w, regions[n], seed + n); });
            }
            clients.join();
            busy.done();
        }));
        threads.push_back(loops.back().native_handle());
    }
    for (std::uint64_t n = 0; n < o.threads; n = started) {  // their loops have their descriptors
        started.wait(n);
    }
    std::uint64_t interruptions = storm(threads, std::chrono::seconds(o.seconds));
    w.over = true;
    require_soon("after the end there are clients that still wait for something", [&] { busy.wait(); });
    require_soon("after all clients have left, the server still serves some",
                 [&] { w.connections.wait_for_end(w.connections.last()); });
    return interruptions;
}

/// Whether the server still serves, and every block is what it has to be, in the server's eyes and on the disk.
void look_at_all(world& w, std::deque<region>& regions, image const& disk) {
    w.calm = true;
    loop_thread("the server does not serve any more", [&] {
        for (region& r : regions) {
            soak::echo_in_order(w, seed);
            soak::compare_on_disk(w, r, seed);
        }
    }).join();
    w.closing.set();
    for (region& r : regions) {
        disk.compare(r);
    }
}

void report(world const& w, std::uint64_t interruptions) {
    std::printf("soak io: done: %" PRIu64 " sessions ended in order, %" PRIu64 " left, %" PRIu64 " timed out, %" PRIu64
                " cancelled, %" PRIu64 " without a descriptor, %" PRIu64 " ended by the server (it ended %" PRIu64
                "); %" PRIu64 " bytes echoed, %" PRIu64 " blocks written, %" PRIu64 " compared, %" PRIu64
                " wrong requests refused, %" PRIu64 " times garbage, %" PRIu64 " interruptions\n",
                w.in_order.get(), w.left.get(), w.timed_out.get(), w.cancelled.get(), w.starved.get(),
                w.surprised.get(), w.inflicted.get(), w.echoed.get(), w.blocks_written.get(), w.blocks_compared.get(),
                w.refused.get(), w.garbage.get(), interruptions);
}

void run(options const& o) {
    std::size_t descriptors = open_descriptors();
    interrupt_with(SIGUSR2);
    {
        world w;
        image disk(o.clients);
        std::deque<region> regions;
        for (std::size_t n = 0; n < o.clients; ++n) {
            regions.emplace_back(n * region::blocks);
        }
        std::jthread server = loop_thread("the server", [&] { soak::serve(w, disk.path()); });
        w.ready.wait();
        std::uint64_t interruptions = let_them_loose(o, w, regions, server);
        look_at_all(w, regions, disk);
        server.join();
        REQUIRE(w.in_order.get() > 0);
        REQUIRE(w.surprised.get() <= w.inflicted.get());
        report(w, interruptions);
    }
    REQUIRE(weft::coroutine_count() == 0);
    REQUIRE(open_descriptors() == descriptors);
}

}  // namespace

int main(int argc, char** argv) {
    options o;
    soak::read_options(argc, argv, {{"seconds", o.seconds}, {"threads", o.threads}, {"clients", o.clients}});
    std::printf("soak io: --seed %" PRIu64 " --threads %" PRIu64 " --clients %" PRIu64 "\n", seed, o.threads,
                o.clients);
    std::fflush(stdout);
    run(o);
}
