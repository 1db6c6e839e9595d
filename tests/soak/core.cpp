// Coroutines that do at random whatever coroutines can do, on several threads, and check at each step that nothing of
// theirs was lost: their variables, their exceptions, their destructors, their place in the program.
//
//     soak_core [--steps N | --seconds N] [--seed N] [--threads N]
//
// The seed, which it prints, repeats a run step by step: each coroutine draws from numbers of its own, a thread only
// works on the coroutines that it was dealt, and they are dealt anew while all threads stand still.

#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weft/coroutine.hpp>

#include "soak.hpp"

namespace {

using soak::random_numbers;
using soak::seed;

enum kind : std::size_t { created, entered, yielded, nested, thrown, caught, unwound, ended, moved, kinds };
constexpr std::array<char const*, kinds> kind_names = {"created", "entered", "yielded", "nested", "thrown",
                                                       "caught",  "unwound", "ended",   "moved"};

/// What one thread did.
struct alignas(64) tally {
    std::array<std::uint64_t, kinds> counts{};

    [[nodiscard]] std::uint64_t total() const {
        std::uint64_t sum = 0;
        for (std::uint64_t c : counts) {
            sum += c;
        }
        return sum;
    }
};

/// Where an actor is, each time that it is entered.
struct scene {
    tally* counts;
    int depth;  ///< How many coroutines are entered, this one not among them.
};

struct failure {
    std::uint64_t whose;
};

/// Variables of one frame; each is checked at the frame's end, however that comes.
class witness {
public:
    witness(random_numbers& numbers, int& living) : living_(living) {
        ++living_;
        for (std::uint64_t& v : values_) {
            v = numbers();
            sum_ ^= v;
        }
    }
    witness(witness const&) = delete;
    witness& operator=(witness const&) = delete;
    ~witness() {
        check();
        --living_;
    }

    void check() const {
        std::uint64_t sum = 0;
        for (std::uint64_t v : values_) {
            sum ^= v;
        }
        REQUIRE(sum == sum_);
    }

private:
    std::array<std::uint64_t, 12> values_{};
    std::uint64_t sum_ = 0;
    int& living_;
};

/// One coroutine, and what is expected of it.
class actor {
public:
    actor(std::uint64_t start, tally& counts) : numbers_(start), id_(numbers_()) {
        ++counts.counts[created];
        co_ = weft::coroutine({.stack_size = stack_size()}, [this] { live(); });
    }
    actor(actor const&) = delete;
    actor& operator=(actor const&) = delete;
    ~actor() { REQUIRE(witnesses_ == 0); }

    [[nodiscard]] bool done() const { return co_.done(); }

    /// Lets it take a step. What its body throws is checked to be its own.
    void enter(scene where) {
        here_ = where;
        ++where.counts->counts[entered];
        std::uint64_t expected = steps_ + 1;
        int uncaught = std::uncaught_exceptions();
        std::exception_ptr handled = std::current_exception();
        try {
            co_.enter();
        } catch (failure const& f) {
            REQUIRE(f.whose == id_);
            REQUIRE(co_.done());
        }
        REQUIRE(steps_ == expected);
        REQUIRE(std::uncaught_exceptions() == uncaught);
        REQUIRE(std::current_exception() == handled);
        if (co_.done()) {
            REQUIRE(witnesses_ == 0);
            ++where.counts->counts[ended];
        }
    }

    /// Ends it wherever it is.
    void end(scene where) {
        while (in_destructor_) {  // may not be unwound from there
            enter(where);
        }
        here_ = where;
        if (!co_.done()) {
            ++where.counts->counts[unwound];
        }
        co_ = weft::coroutine();
        REQUIRE(witnesses_ == 0);
    }

private:
    std::size_t stack_size() { return weft::default_stack_size * (numbers_.below(4) == 0 ? 2 : 1); }

    void yield() {
        ++here_.counts->counts[yielded];
        weft::yield();
        ++steps_;
    }

    void live() {
        ++steps_;
        act(0);
    }

    /// A frame. Returns, or throws, sooner or later.
    void act(int frames) {
        witness here(numbers_, witnesses_);
        for (;;) {
            switch (numbers_.below(16)) {
                case 0:
                    return;
                case 1:
                    fail();
                    break;
                case 2:
                    catch_and_yield(frames);
                    break;
                case 3:
                    unwind_and_yield();
                    break;
                case 4:
                    nest();
                    break;
                case 5:
                case 6:
                    if (frames < 8) {
                        act(frames + 1);
                    }
                    break;
                default:
                    yield();
            }
            here.check();
        }
    }

    void fail() {
        ++here_.counts->counts[thrown];
        throw failure{id_};
    }

    /// Others handle exceptions of theirs while this one handles its own.
    void catch_and_yield(int frames) {
        try {
            if (frames < 8) {
                act(frames + 1);
            }
            fail();
        } catch (failure const& f) {
            ++here_.counts->counts[caught];
            std::exception_ptr mine = std::current_exception();
            yield();
            REQUIRE(f.whose == id_);
            REQUIRE(std::current_exception() == mine);
            if (numbers_.below(4) == 0) {
                throw;
            }
        }
    }

    /// Others throw and catch while this one's destructors run.
    void unwind_and_yield() {
        struct cleanup {
            actor& self;
            int uncaught = std::uncaught_exceptions();

            ~cleanup() {
                REQUIRE(std::uncaught_exceptions() == uncaught + 1);
                self.in_destructor_ = true;
                self.yield();
                self.in_destructor_ = false;
                REQUIRE(std::uncaught_exceptions() == uncaught + 1);
            }
        };
        try {
            cleanup c{*this};
            fail();
        } catch (failure const& f) {
            REQUIRE(f.whose == id_);
            ++here_.counts->counts[caught];
        }
    }

    /// Makes another, lets it run for a while, and ends it wherever it is then.
    void nest() {
        if (here_.depth >= 4) {
            return;
        }
        struct inner_actor : actor {
            actor& outer;
            explicit inner_actor(actor& o) : actor(o.numbers_(), *o.here_.counts), outer(o) {}
            inner_actor(inner_actor const&) = delete;
            inner_actor& operator=(inner_actor const&) = delete;
            ~inner_actor() { end(outer.below()); }
        };
        ++here_.counts->counts[nested];
        inner_actor inner(*this);
        for (std::size_t i = numbers_.below(6); i > 0 && !inner.done(); --i) {
            inner.enter(below());
            if (numbers_.below(4) == 0) {
                yield();
            }
        }
    }

    [[nodiscard]] scene below() const { return {here_.counts, here_.depth + 1}; }

    random_numbers numbers_;
    std::uint64_t const id_;
    std::uint64_t steps_ = 0;
    int witnesses_ = 0;
    bool in_destructor_ = false;
    scene here_{};
    weft::coroutine co_;
};

// ---- threads ------------------------------------------------------------------------------------------------------------

struct options {
    std::uint64_t steps = 1'000'000;
    std::uint64_t seconds = 0;  ///< 0: until so many steps are done.
    std::uint64_t threads = 2;
};

struct worker {
    explicit worker(std::uint64_t start) : numbers(start) {}

    /// As many steps as fit between two deals.
    void play() {
        for (int i = 0; i < 1'000; ++i) {
            std::unique_ptr<actor>& one = actors[numbers.below(actors.size())];
            if (one != nullptr && (one->done() || numbers.below(64) == 0)) {
                one->end({&counts, 0});
                one.reset();
            }
            if (one == nullptr) {
                one = std::make_unique<actor>(numbers(), counts);
            }
            one->enter({&counts, 0});
        }
    }

    random_numbers numbers;
    tally counts;
    std::vector<std::unique_ptr<actor>> actors = std::vector<std::unique_ptr<actor>>(48);
};

class performance {
public:
    explicit performance(options const& o) : options_(o), numbers_(seed) {
        for (std::uint64_t i = 0; i < o.threads; ++i) {
            workers_.push_back(std::make_unique<worker>(numbers_()));
        }
    }

    void run() {
        auto deal_them = [this]() noexcept { deal(); };
        std::barrier all(static_cast<std::ptrdiff_t>(workers_.size()), deal_them);
        std::vector<std::jthread> threads;
        for (auto& w : workers_) {
            threads.emplace_back([&all, &w, this] {
                while (!enough_) {
                    w->play();
                    all.arrive_and_wait();
                }
            });
        }
        threads.clear();
        for (auto& w : workers_) {
            for (auto& one : w->actors) {
                if (one != nullptr) {
                    one->end({&w->counts, 0});
                }
            }
            w->actors.clear();
        }
        REQUIRE(weft::coroutine_count() == 0);
        report("done");
    }

private:
    /// While all threads stand still.
    void deal() noexcept {
        worker& first = *workers_.front();
        for (auto& w : workers_) {
            for (auto& one : w->actors) {
                worker& other = *workers_[numbers_.below(workers_.size())];
                auto& another = other.actors[numbers_.below(other.actors.size())];
                if (&other != w.get()) {
                    ++first.counts.counts[moved];
                }
                std::swap(one, another);
            }
        }
        auto now = std::chrono::steady_clock::now();
        enough_ =
            options_.seconds != 0 ? now - began_ >= std::chrono::seconds(options_.seconds) : total() >= options_.steps;
        if (now - reported_ >= std::chrono::seconds(10)) {
            reported_ = now;
            report("so far");
        }
    }

    [[nodiscard]] std::uint64_t total() const {
        std::uint64_t sum = 0;
        for (auto const& w : workers_) {
            sum += w->counts.total();
        }
        return sum;
    }

    void report(char const* when) const {
        std::string line;
        for (std::size_t k = 0; k < kinds; ++k) {
            std::uint64_t sum = 0;
            for (auto const& w : workers_) {
                sum += w->counts.counts[k];
            }
            line += std::string(k == 0 ? "" : ", ") + std::to_string(sum) + ' ' + kind_names[k];
        }
        std::printf("soak core: %s: %" PRIu64 " steps: %s\n", when, total(), line.c_str());
        std::fflush(stdout);
    }

    options options_;
    random_numbers numbers_;
    std::vector<std::unique_ptr<worker>> workers_;
    bool enough_ = false;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point reported_ = began_;
};

}  // namespace

int main(int argc, char** argv) {
    options o;
    soak::read_options(argc, argv, {{"steps", o.steps}, {"seconds", o.seconds}, {"threads", o.threads}});
    std::printf("soak core: --seed %" PRIu64 " --threads %" PRIu64 "\n", seed, o.threads);
    std::fflush(stdout);
    performance(o).run();
}
