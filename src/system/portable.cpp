// Floor: system
//
// The reactor for systems that have no other: it sleeps as a thread without a loop does (wait/thread_sleep.hpp), on a word
// that notify() sets, and leaves what blocks to worker threads. So a loop on it has timers, posted calls, wake-ups from
// other threads and offload(), but nothing that needs a descriptor.

#include <atomic>
#include <cerrno>
#include <utility>
#include <vector>

#include "system/blocking_pool.hpp"
#include "system/make_reactor.hpp"
#include "wait/thread_sleep.hpp"

namespace weft::detail {
namespace {

using namespace std::chrono_literals;

class portable_reactor final : public reactor {
public:
    [[nodiscard]] std::string_view name() const override { return "portable"; }

    void start(operation& op) noexcept override {
        if (op.what == operation::kind::call) {
            pool_.start(op);
            return;
        }
        op.result = -ENOSYS;
        op.next = std::exchange(refused_, &op);
    }

    void cancel(operation& op) noexcept override {
        if (op.what == operation::kind::call) {
            pool_.cancel(op);  // what was refused completes by itself, in the next poll()
        }
    }

    void poll(std::optional<std::chrono::nanoseconds> timeout) override {
        pool_.hand_over();
        // The word is looked at once more when it is slept on: what is told in between is not slept through.
        if (refused_ == nullptr && notified_.load(std::memory_order_acquire) == 0 && timeout != 0ns) {
            sleep_thread(notified_, 0, end_of(timeout));
        }
        notified_.exchange(0, std::memory_order_acq_rel);
        for (operation* op = std::exchange(refused_, nullptr); op != nullptr;) {
            operation& first = *std::exchange(op, op->next);
            first.complete(first);
        }
        pool_.complete_finished();
    }

    [[nodiscard]] bool has_work() const noexcept override {
        return refused_ != nullptr || pool_.has_started() || pool_.at_work();
    }

    [[nodiscard]] bool has_threads_at_work() const noexcept override { return pool_.at_work(); }

    [[nodiscard]] bool nothing_under_way() const noexcept override { return !has_work(); }

    void notify() noexcept override { wake_thread(notified_, 1); }

    void closing(int) noexcept override {}

private:
    static clock::time_point end_of(std::optional<std::chrono::nanoseconds> timeout) noexcept {
        return timeout ? later(clock::now(), *timeout) : clock::time_point::max();
    }

    std::atomic<std::uint32_t> notified_{0};
    operation* refused_ = nullptr;  ///< Linked through operation::next, the newest first.
    blocking_pool pool_{*this, 0};
};

}  // namespace

std::unique_ptr<reactor> make_portable_reactor() {
    return std::make_unique<portable_reactor>();
}

}  // namespace weft::detail
