// Units of a semaphore, given back at the end.

#pragma once

#include <cstdint>
#include <utility>
#include <weft/semaphore.hpp>

namespace nbd {

class share {
public:
    share() = default;
    /// Waits for them. Suspends.
    share(weft::semaphore& of, std::int64_t amount) : of_(&of), amount_(amount) { of.acquire(amount); }
    share(share&& other) noexcept : of_(std::exchange(other.of_, nullptr)), amount_(other.amount_) {}
    share& operator=(share&& other) noexcept {
        std::swap(of_, other.of_);
        std::swap(amount_, other.amount_);
        return *this;
    }
    ~share() {
        if (of_ != nullptr) {
            of_->release(amount_);
        }
    }

    /// Of none, if they are not available now.
    [[nodiscard]] static share attempt(weft::semaphore& of, std::int64_t amount) {
        share taken;
        if (of.try_acquire(amount)) {
            taken.of_ = &of;
            taken.amount_ = amount;
        }
        return taken;
    }

    explicit operator bool() const { return of_ != nullptr; }

private:
    weft::semaphore* of_ = nullptr;
    std::int64_t amount_ = 0;
};

}  // namespace nbd
