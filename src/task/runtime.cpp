// Floor: task

#include <weft/runtime.hpp>
#include <weft/shield.hpp>
#include <weft/stall_detector.hpp>

#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>

#include "coroutine/misuse.hpp"
#include "loop/loop_access.hpp"
#include "task/processors.hpp"

namespace weft {

void detail::die_of_empty_remote_task(char const* call, call_site where) noexcept {
    die(where,
        std::string(call) + " called on an empty weft::remote_task: it was joined, detached or moved from before");
}

/// With runtime_options::steal: the starts of tasks that no loop has begun, the oldest first. Each loop takes one at the end of
/// each turn.
///
/// No loop sleeps while there is one. It says that it sleeps, and then reads `count`; who offers a task raises `count`, and then
/// reads which loops sleep. All four are sequentially consistent, so one of the two sees the other.
struct runtime::unstarted {
    std::mutex mutex;
    detail::intrusive_queue<detail::posted> starts;
    detail::atomic<std::size_t> count{0};

    unstarted() = default;
    unstarted(unstarted const&) = delete;
    unstarted& operator=(unstarted const&) = delete;
    ~unstarted() {
        while (!starts.empty()) {
            detail::posted& start = starts.pop();
            start.drop = true;
            start.run(&start);
        }
    }

    void add(detail::posted& start) {
        std::lock_guard lock(mutex);
        starts.push(start);
        count.fetch_add(1);
    }

    /// Returns whether there was one.
    bool begin_one() noexcept {
        if (count.load() == 0) {
            return false;
        }
        std::unique_lock lock(mutex);
        if (starts.empty()) {
            return false;
        }
        detail::posted& start = starts.pop();
        count.fetch_sub(1);
        lock.unlock();
        start.run(&start);
        return true;
    }
};

/// One thread and its loop. The thread runs its loop until it is asked to bring the tasks to an end, answers, and goes on:
/// others may still move a task here.
struct runtime::worker {
    explicit worker(unstarted* starts) : offered(starts) {}

    using answer = completion<std::uint64_t>;

    void work(std::promise<void>& started, time_span stall_limit) {
        try {
            loop mine;
            std::optional<stall_detector> watch;
            if (stall_limit.ticks() != clock::duration(0)) {
                watch.emplace(stall_limit);
            }
            if (offered != nullptr) {
                detail::loop_access::find_more(
                    mine, [](void* me) noexcept { return static_cast<worker*>(me)->begin_one(); }, this);
            }
            here = &mine;
            started.set_value();
            while (!over) {
                mine.run_until(asked);
                asked = false;
                while (offered != nullptr && begin_one()) {
                }
                detail::cancel_and_join_all_tasks();
                if (to_answer) {
                    std::exchange(to_answer, std::nullopt)->operator()(detail::tasks_of_this_thread().arrivals);
                }
            }
        } catch (...) {
            std::exception_ptr why = detail::caught_in_call("a loop of a weft::runtime");
            if (here == nullptr) {
                started.set_exception(why);
            }
        }
    }

    bool begin_one() noexcept {
        woken.store(0, std::memory_order_relaxed);
        return offered->begin_one();
    }

    void ask(answer done) {
        here->post([this, done = std::move(done)]() mutable {
            to_answer.emplace(std::move(done));
            asked = true;
        });
    }

    void end() {
        if (here != nullptr) {
            here->post([this] { asked = over = true; });
        }
        thread.join();
    }

    unstarted* const offered;                ///< nullptr without runtime_options::steal.
    detail::atomic<std::uint32_t> woken{0};  ///< For a task that was offered, and has not looked since.
    loop* here = nullptr;
    std::thread thread;
    // The thread's own:
    bool asked = false;
    bool over = false;
    std::optional<answer> to_answer;
};

runtime::runtime(runtime_options const& options) {
    std::vector<int> processors = detail::processors_to_use();
    std::size_t threads = options.threads != 0 ? options.threads : processors.size();
    unstarted_ = options.steal ? std::make_unique<unstarted>() : nullptr;
    for (std::size_t i = 0; i < threads; ++i) {
        // Not a std::latch: that of libstdc++ 12 loses wake-ups where there is no futex, on Windows for one.
        std::promise<void> started;
        std::future<void> start = started.get_future();
        auto w = std::make_unique<worker>(unstarted_.get());
        workers_.reserve(threads);
        std::exception_ptr failure;
        try {
            int processor = options.pin ? processors[i % processors.size()] : -1;
            w->thread = std::thread(
                [started = std::move(started), processor, me = w.get(), limit = options.stall_limit]() mutable {
                    if (processor >= 0) {
                        detail::keep_to(processor);
                    }
                    me->work(started, limit);
                });
            workers_.push_back(std::move(w));
            start.get();
        } catch (...) {
            failure = std::current_exception();
        }
        if (failure) {
            stop();
            std::rethrow_exception(failure);
        }
    }
}

runtime::~runtime() {
    shield guard;
    stop();
}

loop& runtime::at(unsigned i) {
    if (ended_) {
        detail::die({}, "a weft::runtime was used after it was stopped");
    }
    return *workers_[i % workers_.size()]->here;
}

/// Wakes one loop that sleeps, and was not woken for another task; if there is none, the first that ends its turn begins it.
void runtime::offer(detail::posted& start) {
    if (ended_) {
        detail::die(start.at, "a weft::runtime was used after it was stopped");
    }
    unstarted_->add(start);
    unsigned first = next_.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        worker& w = *workers_[(first + i) % workers_.size()];
        if (detail::loop_access::sleeps(*w.here) && w.woken.exchange(1) == 0) {
            detail::loop_access::notify(*w.here);
            return;
        }
    }
}

/// Asks all at once, as their tasks may wait for each other. Returns how many have ever come to one of the loops.
std::uint64_t runtime::cancel_and_join_all() {
    std::vector<std::shared_ptr<detail::awaited<std::uint64_t>>> answers;
    for (auto& w : workers_) {
        if (w->here != nullptr) {
            answers.push_back(std::make_shared<detail::awaited<std::uint64_t>>());
            w->ask(worker::answer(answers.back()));
        }
    }
    std::uint64_t arrivals = 0;
    for (auto& a : answers) {
        (void)a->happened.wait("a runtime's tasks", call_site("weft::runtime::stop", 0));
        arrivals += a->result.get();
    }
    return arrivals;
}

void runtime::stop(call_site where) {
    if (std::exchange(stopped_, true)) {
        return;
    }
    for (auto& w : workers_) {
        if (w->here != nullptr && &detail::loop_access::as_executor(*w->here) == detail::this_thread().home) {
            detail::die(where, "a weft::runtime was stopped by one of its own threads, which would wait for itself");
        }
    }
    shield guard;
    // A task that was cancelled on one loop may go to another, that was found empty before, to clean up there. All are
    // empty when they were so twice and nothing came to any of them in between: at the end of the first round, each lay
    // between two looks that found it empty with the same count.
    std::uint64_t before = cancel_and_join_all();
    for (std::uint64_t now = cancel_and_join_all(); now != before; now = cancel_and_join_all()) {
        before = now;
    }
    for (auto& w : workers_) {
        w->end();
    }
    ended_ = true;
}

}  // namespace weft
