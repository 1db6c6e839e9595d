// Tasks of several loops that at random move to another loop, start tasks here and there, cancel them, post calls, and have
// calls run on threads, with limits that are met at any moment; counters prove that nothing is lost and nothing is done twice.
//
//     soak_loops [--seconds N] [--seed N] [--threads N] [--coroutines N]
//
// The seed gives each task the same choices again; in which order the threads make them is the machine's.

#include <array>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <optional>
#include <system_error>
#include <vector>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/offload.hpp>
#include <weft/runtime.hpp>
#include <weft/task.hpp>

#include "soak.hpp"

namespace {

using soak::counter;
using soak::seed;

/// What all tasks share.
struct world {
    explicit world(weft::runtime& r) : rt(r) {}

    weft::runtime& rt;
    weft::mutex lock;
    std::uint64_t under_lock = 0;
    counter locked;

    counter begun, ended;  ///< Tasks of every kind that got to their first line, and that left it.
    counter moved;
    counter posted, calls_made;
    counter offloaded, offloads_run, offloads_taken_back;
    counter operations, given_up, cancelled;
    std::atomic<bool> over{false};
};

/// Lives as long as a task does.
class life {
public:
    explicit life(world& w) : w_(w) { w_.begun.add(); }
    life(life const&) = delete;
    life& operator=(life const&) = delete;
    ~life() { w_.ended.add(); }

private:
    world& w_;
};

bool was_stopped(std::system_error const& e) {
    return e.code() == std::errc::operation_canceled || e.code() == std::errc::timed_out;
}

class actor {
public:
    actor(world& w, std::uint64_t start) : w_(w), random_(start) {}

    /// Until it is cancelled, or all is over.
    void live() {
        life mine(w_);
        while (!w_.over.load(std::memory_order_relaxed)) {
            w_.operations.add();
            auto act = [this] { (this->*all[random_.below(all.size())])(); };
            if (random_.below(4) == 0) {
                act();
            } else if (!weft::within(some_time(), act)) {
                w_.given_up.add();
            }
            weft::yield();
        }
    }

private:
    std::chrono::microseconds some_time() { return std::chrono::microseconds(random_.below(300)); }
    unsigned some_loop() { return static_cast<unsigned>(random_.below(w_.rt.size())); }

    static void go_to(world& w, unsigned where) {
        weft::loop& target = w.rt.at(where);
        weft::move_to(target);
        REQUIRE(&weft::loop::current() == &target);
        w.moved.add();
    }

    /// If it was this task's own wait that was to end, so is the next.
    template <class Task>
    static void join(Task& t) {
        try {
            (void)t.join();
        } catch (std::system_error const& e) {
            REQUIRE(was_stopped(e));
        }
    }

    void move() { go_to(w_, some_loop()); }

    void use_lock() {
        std::scoped_lock lock(w_.lock);
        std::uint64_t before = w_.under_lock;
        if (random_.below(2) == 0) {
            move();
        }
        REQUIRE(w_.under_lock == before);
        ++w_.under_lock;
        w_.locked.add();
    }

    /// Tasks of its own, which end on other loops; they are joined, or cancelled by the scope's end.
    void have_helpers() {
        weft::scope helpers;
        for (std::size_t count = 1 + random_.below(3); count > 0; --count) {
            helpers.spawn([&w = w_, where = some_loop(), time = some_time()] {
                life mine(w);
                weft::sleep_for(time);
                go_to(w, where);
            });
        }
        if (random_.below(2) == 0) {
            helpers.join();
        }
    }

    /// A task that is cancelled at some point of its way, or not, and joined here where it began.
    void have_a_traveller() {
        auto t = weft::spawn([&w = w_, there = some_loop(), further = some_loop()] {
            life mine(w);
            go_to(w, there);
            weft::yield();
            go_to(w, further);
        });
        if (random_.below(2) == 0) {
            weft::yield();
            t.cancel();
        }
        join(t);
    }

    /// A task of another loop. If the wait for it ends early, it runs on.
    void have_one_elsewhere() {
        auto t = w_.rt.spawn_on(some_loop(), [&w = w_, time = some_time()] {
            life mine(w);
            weft::sleep_for(time);
            return time.count();
        });
        if (random_.below(3) == 0) {
            t.cancel();
        }
        join(t);
    }

    void post() {
        w_.posted.add();
        w_.rt.at(some_loop()).post([&w = w_] { w.calls_made.add(); });
    }

    void offload() {
        w_.offloaded.add();
        std::uint64_t number = random_();
        bool called = false;
        try {
            std::uint64_t answer = weft::offload([&] {
                called = true;
                w_.offloads_run.add();
                return number + 1;
            });
            REQUIRE(answer == number + 1);
        } catch (std::system_error const& e) {
            REQUIRE(was_stopped(e) && !called);
            w_.offloads_taken_back.add();
            throw;
        }
    }

    void sleep() { weft::sleep_for(some_time()); }

    static constexpr std::array all{
        &actor::move, &actor::use_lock, &actor::have_helpers, &actor::have_a_traveller, &actor::have_one_elsewhere,
        &actor::post, &actor::offload,  &actor::sleep};

    world& w_;
    soak::random_numbers random_;
};

void run_one(world& w, std::uint64_t start) {
    try {
        actor(w, start).live();
    } catch (std::system_error const& e) {
        REQUIRE(was_stopped(e));
        w.cancelled.add();
    }
}

/// Keeps so many actors alive, and cancels one after the other at random.
void keep_alive(world& w, std::size_t count, std::chrono::seconds time) {
    soak::random_numbers random(seed);
    auto another = [&] { return w.rt.spawn([&w, start = random()] { run_one(w, start); }); };
    std::vector<std::optional<weft::remote_task<void>>> actors(count);
    for (auto& a : actors) {
        a = another();
    }
    for (auto end = weft::clock::now() + time; weft::clock::now() < end;) {
        auto& one = actors[random.below(count)];
        one->cancel();
        one->join();
        one = another();
        weft::sleep_for(std::chrono::microseconds(random.below(1'000)));
    }
    w.over = true;
    for (auto& a : actors) {
        a->cancel();
        a->join();
    }
}

void check(world const& w) {
    REQUIRE(w.begun.get() == w.ended.get());
    REQUIRE(w.under_lock == w.locked.get());
    REQUIRE(w.posted.get() == w.calls_made.get());
    REQUIRE(w.offloaded.get() == w.offloads_run.get() + w.offloads_taken_back.get());
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t seconds = 60, threads = 4, coroutines = 200;
    soak::read_options(argc, argv, {{"seconds", seconds}, {"threads", threads}, {"coroutines", coroutines}});
    std::printf("soak loops: --seed %" PRIu64 " --threads %" PRIu64 " --coroutines %" PRIu64 "\n", seed, threads,
                coroutines);
    std::fflush(stdout);
    weft::runtime rt(static_cast<unsigned>(threads));
    world w(rt);
    keep_alive(w, coroutines, std::chrono::seconds(seconds));
    rt.stop();
    check(w);
    std::printf("soak loops: done: %" PRIu64 " operations, %" PRIu64 " given up, %" PRIu64 " actors cancelled; %" PRIu64
                " tasks, %" PRIu64 " moves, %" PRIu64 " locked, %" PRIu64 " posted, %" PRIu64 " offloaded, %" PRIu64
                " of them taken back\n",
                w.operations.get(), w.given_up.get(), w.cancelled.get(), w.begun.get(), w.moved.get(), w.locked.get(),
                w.posted.get(), w.offloaded.get(), w.offloads_taken_back.get());
}
