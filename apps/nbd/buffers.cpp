#include "buffers.hpp"

#include <bit>

namespace nbd {
namespace {

std::size_t class_of(std::size_t size) {
    return static_cast<std::size_t>(std::countr_zero(memory_for(size)));
}

}  // namespace

std::size_t memory_for(std::size_t size) {
    return std::bit_ceil(size);
}

buffer::buffer(buffer_pool& pool, std::size_t size) : pool_(&pool), memory_(pool.take(size)), size_(size) {}

buffer::~buffer() {
    if (memory_) {
        pool_->put_back(std::move(memory_), size_);
    }
}

std::unique_ptr<std::byte[]> buffer_pool::take(std::size_t size) {
    std::size_t bytes = memory_for(size);
    std::lock_guard lock(mutex_);
    auto& kept = kept_[class_of(size)];
    std::unique_ptr<std::byte[]> memory;
    if (kept.empty()) {
        memory = allocate(bytes);
    } else {
        memory = std::move(kept.back());
        kept.pop_back();
        kept_bytes_ -= bytes;
    }
    in_use_ += bytes;
    return memory;
}

std::unique_ptr<std::byte[]> buffer_pool::allocate(std::size_t bytes) {
    keep_at_most(room() - std::min(room(), bytes));
    try {
        return std::make_unique_for_overwrite<std::byte[]>(bytes);
    } catch (std::bad_alloc const&) {
        keep_at_most(0);
        return std::make_unique_for_overwrite<std::byte[]>(bytes);
    }
}

/// Gives back the largest first.
void buffer_pool::keep_at_most(std::size_t bytes) noexcept {
    for (std::size_t power = kept_.size(); power-- > 0 && kept_bytes_ > bytes;) {
        for (auto& kept = kept_[power]; !kept.empty() && kept_bytes_ > bytes; kept.pop_back()) {
            kept_bytes_ -= std::size_t{1} << power;
        }
    }
}

void buffer_pool::put_back(std::unique_ptr<std::byte[]> memory, std::size_t size) noexcept {
    std::size_t bytes = memory_for(size);
    std::lock_guard lock(mutex_);
    in_use_ -= bytes;
    if (kept_bytes_ + bytes > std::min(most_kept, room())) {
        return;
    }
    try {
        kept_[class_of(size)].push_back(std::move(memory));
        kept_bytes_ += bytes;
    } catch (std::bad_alloc const&) {
        return;  // then it is not kept
    }
}

}  // namespace nbd
