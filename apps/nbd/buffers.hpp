// Buffers for the data of requests, kept for the next: fresh memory costs a page fault for each 4 KiB.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace nbd {

class buffer_pool;

/// How much memory a buffer of that size takes.
[[nodiscard]] std::size_t memory_for(std::size_t size);

/// Memory for one request's data. Goes back to its pool at the end.
class buffer {
public:
    buffer() = default;
    /// Throws std::bad_alloc.
    buffer(buffer_pool& pool, std::size_t size);
    buffer(buffer&& other) noexcept = default;
    buffer& operator=(buffer&& other) noexcept {
        std::swap(pool_, other.pool_);
        std::swap(memory_, other.memory_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~buffer();

    [[nodiscard]] std::span<std::byte> span() const { return {memory_.get(), size_}; }

private:
    buffer_pool* pool_ = nullptr;
    std::unique_ptr<std::byte[]> memory_;
    std::size_t size_ = 0;
};

/// Keeps up to 64 MiB, by powers of two; but what is in use and what is kept are never more than the limit together, as long
/// as what is in use is not. Threads: any. Suspends: no.
class buffer_pool {
public:
    explicit buffer_pool(std::size_t limit) : limit_(limit) {}

    /// Throws std::bad_alloc, and then keeps nothing.
    [[nodiscard]] std::unique_ptr<std::byte[]> take(std::size_t size);
    void put_back(std::unique_ptr<std::byte[]> memory, std::size_t size) noexcept;

    [[nodiscard]] std::size_t kept() const {
        std::lock_guard lock(mutex_);
        return kept_bytes_;
    }

private:
    static constexpr std::size_t most_kept = 64 << 20;

    // Under mutex_.
    [[nodiscard]] std::unique_ptr<std::byte[]> allocate(std::size_t bytes);
    void keep_at_most(std::size_t bytes) noexcept;
    /// How much of the limit is left beside what is in use.
    [[nodiscard]] std::size_t room() const { return limit_ - std::min(limit_, in_use_); }

    mutable std::mutex mutex_;
    std::size_t limit_;
    std::array<std::vector<std::unique_ptr<std::byte[]>>, 33> kept_;
    std::size_t kept_bytes_ = 0;
    std::size_t in_use_ = 0;
};

}  // namespace nbd
