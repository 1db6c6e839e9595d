// Floor: task

#include <weft/runtime.hpp>
#include <weft/shield.hpp>

#include <future>
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

/// One thread and its loop. The thread runs its loop until it is asked to bring the tasks to an end, answers, and goes on:
/// others may still move a task here.
struct runtime::worker {
    using answer = completion<std::uint64_t>;

    void work(std::promise<void>& started) {
        try {
            loop mine;
            here = &mine;
            started.set_value();
            while (!over) {
                mine.run_until(asked);
                asked = false;
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
    for (std::size_t i = 0; i < threads; ++i) {
        // Not a std::latch: that of libstdc++ 12 loses wake-ups where there is no futex, on Windows for one.
        std::promise<void> started;
        std::future<void> start = started.get_future();
        auto w = std::make_unique<worker>();
        workers_.reserve(threads);
        std::exception_ptr failure;
        try {
            int processor = options.pin ? processors[i % processors.size()] : -1;
            w->thread = std::thread([started = std::move(started), processor, me = w.get()]() mutable {
                if (processor >= 0) {
                    detail::keep_to(processor);
                }
                me->work(started);
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
