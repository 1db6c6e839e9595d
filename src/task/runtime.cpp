// Floor: task

#include <weft/runtime.hpp>
#include <weft/shield.hpp>
#include <weft/stall_detector.hpp>

#include <future>
#include <optional>
#include <string>
#include <system_error>

#include "coroutine/misuse.hpp"
#include "coroutine/present_exception.hpp"
#include "loop/loop_access.hpp"
#include "loop/uncaught.hpp"
#include "task/processors.hpp"
#include "task/runtime_loops.hpp"

namespace weft {

void detail::die_of_empty_remote_task(char const* call, call_site where) noexcept {
    die(where,
        std::string(call) + " called on an empty weft::remote_task: it was joined, detached or moved from before");
}

/// One thread and its loop.
struct runtime::worker : detail::runtime_loop {
    using runtime_loop::runtime_loop;

    void run(std::promise<void>& started, time_span stall_limit) {
        try {
            loop mine;
            std::optional<stall_detector> watch;
            if (stall_limit.ticks() != clock::duration(0)) {
                watch.emplace(stall_limit);
            }
            here = &mine;
            started.set_value();
            work(mine);
        } catch (...) {
            std::exception_ptr why = detail::caught_in_call("a loop of a weft::runtime");
            if (here != nullptr) {
                detail::die_of_uncaught({}, "a loop of a weft::runtime ended with", why);
            }
            started.set_exception(why);
        }
    }

    std::thread thread;
};

runtime::runtime(runtime_options const& options) {
    std::vector<int> processors = detail::processors_to_use();
    std::size_t threads = options.threads != 0 ? options.threads : processors.size();
    offered_ = options.steal ? std::make_unique<detail::offered_tasks>() : nullptr;
    for (std::size_t i = 0; i < threads; ++i) {
        // Not a std::latch: that of libstdc++ 12 loses wake-ups where there is no futex, on Windows for one.
        std::promise<void> started;
        std::future<void> start = started.get_future();
        auto w = std::make_unique<worker>(offered_.get(), &first_);
        workers_.reserve(threads);
        std::exception_ptr failure;
        try {
            int processor = options.pin ? processors[i % processors.size()] : -1;
            w->thread = std::thread(
                [started = std::move(started), processor, me = w.get(), limit = options.stall_limit]() mutable {
                    if (processor >= 0) {
                        detail::keep_to(processor);
                    }
                    me->run(started, limit);
                });
            workers_.push_back(std::move(w));
            start.get();
            workers_.back()->next = std::exchange(first_, workers_.back().get());
        } catch (...) {
            failure = detail::present_exception();
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

void runtime::offer(detail::posted& start) {
    if (ended_) {
        detail::die(start.at, "a weft::runtime was used after it was stopped");
    }
    offered_->add(start);
    detail::wake_one(first_);
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
    detail::bring_to_an_end(first_);
    for (auto& w : workers_) {
        w->thread.join();
    }
    ended_ = true;
}

}  // namespace weft
