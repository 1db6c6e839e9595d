// What can be waited for, used at random by many coroutines of several loops and by plain threads, with limits that are met and
// tasks that are cancelled at any moment; counters prove that nothing is lost and nothing is had twice.
//
//     soak_sync [--seconds N] [--seed N] [--threads N] [--coroutines N]
//
// The seed gives each coroutine the same choices again; in which order the threads make them is the machine's.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/barrier.hpp>
#include <weft/channel.hpp>
#include <weft/condition_variable.hpp>
#include <weft/event.hpp>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/once.hpp>
#include <weft/semaphore.hpp>
#include <weft/shared_mutex.hpp>
#include <weft/shield.hpp>
#include <weft/unix.hpp>
#include <weft/wait_group.hpp>
#include <weft/when.hpp>

#include "soak.hpp"

namespace {

using namespace std::chrono_literals;

using soak::counter;
using soak::seed;

/// What all coroutines of all threads share.
struct world {
    static constexpr std::int64_t units = 8;

    weft::mutex lock;
    std::uint64_t under_lock = 0;
    counter locked;

    weft::recursive_mutex nested;
    std::uint64_t under_nested = 0;
    counter nested_locked;

    weft::shared_mutex table;
    std::uint64_t value = 0, copy = 0;
    counter written, upgraded;
    std::atomic<bool> upgrading{false};  ///< Two at a time would be a deadlock.

    weft::semaphore budget{units};
    std::atomic<std::int64_t> taken{0};

    weft::channel<std::uint64_t> unbuffered, bounded{4}, unbounded{weft::channel<std::uint64_t>::unbounded};
    counter sent, received;  ///< The sums of the values.

    weft::wait_queue queue;
    counter wakes, woken;

    weft::event tick{weft::event::automatic};
    counter ticks, passed;

    weft::event door{weft::event::manual};

    weft::mutex stack_lock;
    weft::condition_variable pushed;
    std::deque<std::uint64_t> stack;
    counter pushes, pops;

    struct phase_ended {
        counter& phases;
        void operator()() const noexcept { phases.add(); }
    };
    static constexpr std::uint64_t meeting = 3;
    counter phases, met;
    weft::barrier<phase_ended> barrier{meeting, phase_ended{phases}};

    weft::wait_group group;

    std::array<weft::once_flag, 4'096> flags;
    std::array<std::uint64_t, 4'096> made{};  ///< Each is guarded by its flag.

    counter operations, given_up, cancelled;
    counter helpers_begun, helpers_ended;
    counter asked, rung, taken_back;
    counter bytes;
    std::atomic<bool> over{false};
};

/// A pair of sockets of one loop. The bytes count up, so that one that is lost or comes twice is seen.
class counted_stream {
public:
    /// Writes some. What was written before the wait was ended stays written.
    void write(std::size_t count) {
        std::scoped_lock lock(writing_);
        std::array<std::byte, most> bytes;
        for (std::size_t i = 0; i < count; ++i) {
            bytes[i] = static_cast<std::byte>(written_ + i);
        }
        std::error_code ec;
        written_ += ends_.first.write_all(std::span(bytes).first(count), ec);
        throw_if(ec);
    }
    /// Reads what is there. Returns how many.
    std::size_t read(std::size_t count) {
        std::scoped_lock lock(reading_);
        std::array<std::byte, most> bytes;
        std::error_code ec;
        std::size_t n = ends_.second.read(std::span(bytes).first(count), ec);
        for (std::size_t i = 0; i < n; ++i) {
            REQUIRE(bytes[i] == static_cast<std::byte>(read_ + i));
        }
        read_ += n;
        throw_if(ec);
        return n;
    }
    /// Reads what is left.
    void finish() {
        ends_.first.shutdown_write();
        while (read(most) != 0) {
        }
        REQUIRE(read_ == written_);
    }

    static constexpr std::size_t most = 4'096;

private:
    static void throw_if(std::error_code const& ec) {
        if (ec) {
            throw std::system_error(ec);
        }
    }

    std::pair<weft::unix_stream, weft::unix_stream> ends_ = weft::unix_stream_pair();
    weft::mutex writing_, reading_;
    std::uint64_t written_ = 0, read_ = 0;
};

/// What rings for those that wait in suspend(). One loop's.
class doorbell {
public:
    explicit doorbell(world& w) : w_(w) {}

    void wait() {
        weft::suspend([this](weft::handle h) {
            w_.asked.add();
            std::uint64_t id = ++last_;
            waiting_.emplace_back(id, std::move(h));
            return [this, id] { return forget(id); };
        });
        w_.rung.add();
    }
    void ring() {
        if (!waiting_.empty()) {
            weft::handle first = std::move(waiting_.front().second);
            waiting_.pop_front();
            first.wake();
        }
    }
    ~doorbell() { REQUIRE(waiting_.empty()); }

private:
    bool forget(std::uint64_t id) {
        auto found = std::ranges::find(waiting_, id, &std::pair<std::uint64_t, weft::handle>::first);
        if (found == waiting_.end()) {
            return false;
        }
        w_.taken_back.add();
        waiting_.erase(found);
        return true;
    }

    world& w_;
    std::uint64_t last_ = 0;
    std::deque<std::pair<std::uint64_t, weft::handle>> waiting_;
};

/// What the coroutines of one loop share.
struct place_of_one_loop {
    explicit place_of_one_loop(world& w) : bell(w) {}

    counted_stream stream;
    doorbell bell;
};

class actor {
public:
    /// `here`: nullptr for a plain thread.
    actor(world& w, place_of_one_loop* here, std::uint64_t start) : w_(w), here_(here), random_(start) {}

    /// Until it is cancelled.
    void live() {
        while (!w_.over.load(std::memory_order_relaxed)) {
            w_.operations.add();
            if (!attempt([this] { act(); })) {
                w_.given_up.add();
            }
        }
    }

private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

    /// With a limit, or with none: but nobody cancels a thread. Returns whether it came to its end.
    template <class F>
    bool attempt(F f) {
        if (here_ != nullptr && below(4) == 0) {
            f();
            return true;
        }
        return weft::within(std::chrono::microseconds(below(300)), f);
    }

    void act() {
        static constexpr std::array anywhere{
            &actor::use_lock,    &actor::use_nested_lock, &actor::read,          &actor::write,
            &actor::upgrade,     &actor::use_budget,      &actor::send,          &actor::send,
            &actor::receive,     &actor::receive,         &actor::wait_or_wake,  &actor::use_door,
            &actor::push_or_pop, &actor::choose_lock,     &actor::meet_or_count, &actor::make_once};
        static constexpr std::array on_a_loop{&actor::choose,     &actor::write_bytes,  &actor::read_bytes,
                                              &actor::ring,       &actor::have_helpers, &actor::count_helpers_down,
                                              &actor::choose_end, &actor::sleep};
        std::uint64_t which = below(anywhere.size() + (here_ != nullptr ? on_a_loop.size() : 0));
        (this->*(which < anywhere.size() ? anywhere[which] : on_a_loop[which - anywhere.size()]))();
    }

    void write_bytes() { here_->stream.write(1 + below(counted_stream::most)); }
    void read_bytes() { w_.bytes.add(here_->stream.read(1 + below(counted_stream::most))); }
    void ring() { below(2) == 0 ? here_->bell.ring() : here_->bell.wait(); }
    void sleep() { weft::sleep_for(std::chrono::microseconds(below(100))); }

    void pause() {
        if (below(2) != 0) {
            return;
        }
        if (here_ != nullptr) {
            weft::yield();
        } else {
            std::this_thread::yield();
        }
    }

    void use_lock() {
        std::scoped_lock lock(w_.lock);
        std::uint64_t before = w_.under_lock;
        pause();
        REQUIRE(w_.under_lock == before);
        ++w_.under_lock;
        w_.locked.add();
    }

    void use_nested_lock() {
        std::scoped_lock outer(w_.nested);
        std::uint64_t before = w_.under_nested;
        pause();
        std::scoped_lock inner(w_.nested);
        REQUIRE(w_.under_nested == before);
        ++w_.under_nested;
        w_.nested_locked.add();
    }

    void read() {
        std::shared_lock lock(w_.table);
        REQUIRE(w_.value == w_.copy);
        pause();
        if (below(4) == 0 && w_.table.try_upgrade()) {
            ++w_.value;
            ++w_.copy;
            w_.written.add();
            w_.table.downgrade();
        }
        REQUIRE(w_.value == w_.copy);
    }

    void write() {
        std::unique_lock lock(w_.table);
        ++w_.value;
        pause();
        ++w_.copy;
        REQUIRE(w_.value == w_.copy);
        w_.written.add();
        if (below(2) == 0) {
            w_.table.downgrade();
            lock.release();
            std::shared_lock reading(w_.table, std::adopt_lock);
            pause();
            REQUIRE(w_.value == w_.copy);
        }
    }

    /// Waits for the other readers to leave. It is a reader still when that wait is ended.
    void upgrade() {
        std::shared_lock lock(w_.table);
        std::uint64_t seen = w_.value;
        if (w_.upgrading.exchange(true)) {
            return;
        }
        struct at_end {
            std::atomic<bool>& flag;
            ~at_end() { flag = false; }
        } end{w_.upgrading};
        w_.table.upgrade();
        REQUIRE(w_.value == seen && w_.copy == seen);
        ++w_.value;
        ++w_.copy;
        w_.written.add();
        w_.upgraded.add();
        w_.table.downgrade();
    }

    void use_budget() {
        auto amount = static_cast<std::int64_t>(1 + below(world::units));
        w_.budget.acquire(amount);
        struct giving_back {
            world& w;
            std::int64_t amount;
            ~giving_back() {
                w.taken.fetch_sub(amount);
                w.budget.release(amount);
            }
        };
        REQUIRE(w_.taken.fetch_add(amount) + amount <= world::units);
        giving_back at_end{w_, amount};
        pause();
    }

    weft::channel<std::uint64_t>& some_channel() {
        switch (below(3)) {
            case 0:
                return w_.unbuffered;
            case 1:
                return w_.bounded;
            default:
                return w_.unbounded;
        }
    }

    void send() {
        std::uint64_t value = below(1'000);
        if (some_channel().send(value)) {
            w_.sent.add(value);
        }
    }

    void receive() {
        if (auto value = some_channel().receive()) {
            w_.received.add(*value);
        }
    }

    void choose() {
        std::uint64_t value = below(1'000);
        auto first = weft::select(weft::when::received(some_channel()), weft::when::sent(some_channel(), value),
                                  weft::when::locked(w_.lock), weft::when::woken(w_.queue),
                                  weft::when::after(std::chrono::microseconds(below(300))));
        switch (first.index()) {
            case 0:
                w_.received.add(std::get<0>(first).value_or(0));
                break;
            case 1:
                w_.sent.add(value);
                break;
            case 2:
                ++w_.under_lock;
                w_.locked.add();
                w_.lock.unlock();
                break;
            case 3:
                w_.woken.add();
                break;
            default:
                break;
        }
    }

    void choose_lock() {
        auto amount = static_cast<std::int64_t>(1 + below(world::units));
        auto first = weft::select(weft::when::locked(w_.table), weft::when::locked_shared(w_.table),
                                  weft::when::acquired(w_.budget, amount), weft::when::happened(w_.tick),
                                  weft::when::all_done(w_.group));
        REQUIRE(first.index() > 1 || w_.value == w_.copy);
        if (first.index() == 0) {
            ++w_.value;
            ++w_.copy;
            w_.written.add();
            w_.table.unlock();
        } else if (first.index() == 1) {
            w_.table.unlock_shared();
        } else if (first.index() == 2) {
            REQUIRE(w_.taken.fetch_add(amount) + amount <= world::units);
            w_.taken.fetch_sub(amount);
            w_.budget.release(amount);
        } else if (first.index() == 3) {
            w_.passed.add();
        }
    }

    void meet_or_count() {
        switch (below(3)) {
            case 0:
                w_.barrier.arrive_and_wait();
                w_.met.add();
                break;
            case 1: {
                w_.group.add();
                struct at_end {
                    weft::wait_group& group;
                    ~at_end() { group.done(); }
                } done{w_.group};
                pause();
                break;
            }
            default:
                w_.group.wait();
        }
    }

    void make_once() {
        std::uint64_t which = below(w_.flags.size());
        weft::call_once(w_.flags[which], [&] {
            pause();
            ++w_.made[which];
        });
        REQUIRE(w_.made[which] == 1);
    }

    /// Tasks of its own, that it joins, or leaves to the scope's end.
    void have_helpers() {
        weft::scope helpers;
        std::uint64_t count = 1 + below(3);
        for (std::uint64_t i = 0; i < count; ++i) {
            helpers.spawn([this, pause = std::chrono::microseconds(below(100))] {
                w_.helpers_begun.add();
                struct at_end {
                    counter& ended;
                    ~at_end() { ended.add(); }
                } end{w_.helpers_ended};
                weft::sleep_for(pause);
            });
        }
        if (below(2) == 0) {
            helpers.join();
        }
    }

    /// Helpers that count a latch down, each once.
    void count_helpers_down() {
        std::int64_t count = 1 + static_cast<std::int64_t>(below(3));
        weft::latch ended(count);
        weft::scope helpers;
        for (std::int64_t i = 0; i < count; ++i) {
            helpers.spawn([&] {
                w_.helpers_begun.add();
                weft::yield();
                w_.helpers_ended.add();
                ended.count_down();
            });
        }
        struct at_end {
            weft::scope& helpers;
            ~at_end() {
                weft::shield guard;
                helpers.join();
            }
        } end{helpers};
        ended.wait();
        REQUIRE(ended.try_wait());
    }

    /// A task, which ends or does not before something else comes.
    void choose_end() {
        auto helper = weft::spawn([pause = std::chrono::microseconds(below(100))] { weft::sleep_for(pause); });
        auto first = weft::select(weft::when::ended(helper), weft::when::received(some_channel()),
                                  weft::when::happened(w_.door));
        if (first.index() == 0) {
            REQUIRE(helper.done());
        } else if (first.index() == 1) {
            w_.received.add(std::get<1>(first).value_or(0));
        }
    }

    void use_door() {
        switch (below(3)) {
            case 0:
                w_.door.wait();
                break;
            case 1:
                w_.door.set();
                break;
            default:
                w_.door.reset();
        }
    }

    void wait_or_wake() {
        switch (below(5)) {
            case 0:
                w_.queue.wait();
                w_.woken.add();
                break;
            case 4: {
                std::unique_lock lock(w_.lock);
                w_.queue.wait_at_front(lock);
                w_.woken.add();
                break;
            }
            case 1:
                if (w_.queue.wake_one()) {
                    w_.wakes.add();
                }
                break;
            case 2:
                w_.ticks.add();
                w_.tick.set();
                break;
            default:
                w_.tick.wait();
                w_.passed.add();
        }
    }

    void push_or_pop() {
        std::unique_lock lock(w_.stack_lock);
        if (below(2) == 0) {
            w_.stack.push_back(1);
            w_.pushes.add();
            w_.pushed.notify_one();
        } else {
            w_.pushed.wait(lock, [this] { return !w_.stack.empty(); });
            w_.stack.pop_front();
            w_.pops.add();
        }
    }

    world& w_;
    place_of_one_loop* here_;
    std::mt19937_64 random_;
};

/// One thread's loop: its actors, and what cancels one or the other of them.
void run_loop(world& w, std::uint64_t start, std::size_t count) {
    std::mt19937_64 random(start);
    weft::run([&] {
        place_of_one_loop here(w);
        std::vector<std::unique_ptr<actor>> actors(count);
        std::vector<weft::task<void>> tasks(count);
        auto end = [&](std::size_t i) {
            if (!tasks[i]) {
                return;
            }
            tasks[i].cancel();
            try {
                tasks[i].join();
            } catch (std::system_error const& e) {
                REQUIRE(e.code() == std::errc::operation_canceled);
                w.cancelled.add();
            }
        };
        for (std::size_t i = 0; !w.over.load(std::memory_order_relaxed); i = i + 1 < count ? i + 1 : random() % count) {
            end(i);
            actors[i] = std::make_unique<actor>(w, &here, random());
            tasks[i] = weft::spawn({.stack_size = 64 * 1024}, [a = actors[i].get()] { a->live(); });
            if (random() % 4 == 0) {
                weft::sleep_for(std::chrono::microseconds(random() % 500));
            }
        }
        for (std::size_t i = 0; i < count; ++i) {
            end(i);
        }
        here.stream.finish();
    });
}

void check(world& w) {
    for (auto* c : {&w.unbuffered, &w.bounded, &w.unbounded}) {
        while (auto left = c->try_receive()) {
            w.received.add(*left);
        }
    }
    REQUIRE(w.sent.get() == w.received.get());
    REQUIRE(w.under_lock == w.locked.get());
    REQUIRE(w.lock.try_lock());
    w.lock.unlock();
    REQUIRE(w.under_nested == w.nested_locked.get());
    REQUIRE(w.nested.try_lock());
    w.nested.unlock();
    REQUIRE(w.value == w.copy && w.value == w.written.get());
    REQUIRE(w.table.try_lock());
    w.table.unlock();
    REQUIRE(w.budget.available() == world::units && w.taken == 0);
    REQUIRE(w.queue.empty());
    REQUIRE(w.wakes.get() == w.woken.get());
    REQUIRE(w.passed.get() <= w.ticks.get());
    REQUIRE(w.met.get() == w.phases.get() * world::meeting);
    REQUIRE(w.group.count() == 0);
    REQUIRE(w.pushes.get() == w.pops.get() + w.stack.size());
    REQUIRE(w.helpers_begun.get() == w.helpers_ended.get());
    REQUIRE(w.asked.get() == w.rung.get() + w.taken_back.get());
}

constexpr std::uint64_t plain_threads = 2;

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t seconds = 60, threads = 4, coroutines = 1'000;
    soak::read_options(argc, argv, {{"seconds", seconds}, {"threads", threads}, {"coroutines", coroutines}});
    std::printf("soak sync: --seed %" PRIu64 " --threads %" PRIu64 " --coroutines %" PRIu64 "\n", seed, threads,
                coroutines);
    std::fflush(stdout);
    world w;
    std::vector<std::jthread> loops;
    for (std::uint64_t i = 0; i < threads; ++i) {
        loops.emplace_back([&, i] { run_loop(w, seed + i, (coroutines + threads - 1) / threads); });
    }
    for (std::uint64_t i = 0; i < plain_threads; ++i) {
        loops.emplace_back([&, i] { actor(w, nullptr, seed + threads + i).live(); });
    }
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    w.over = true;
    loops.clear();
    check(w);
    std::printf("soak sync: done: %" PRIu64 " operations, %" PRIu64 " given up, %" PRIu64 " tasks cancelled; %" PRIu64
                " locked, %" PRIu64 " written, %" PRIu64 " upgraded, %" PRIu64 " woken, %" PRIu64 " passed, %" PRIu64
                " popped, %" PRIu64 " in values received, %" PRIu64 " bytes, %" PRIu64 " helpers, %" PRIu64 " rung\n",
                w.operations.get(), w.given_up.get(), w.cancelled.get(), w.locked.get(), w.written.get(),
                w.upgraded.get(), w.woken.get(), w.passed.get(), w.pops.get(), w.received.get(), w.bytes.get(),
                w.helpers_ended.get(), w.rung.get());
}
