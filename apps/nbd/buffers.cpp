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
    auto& kept = kept_[class_of(size)];
    if (kept.empty()) {
        return std::make_unique_for_overwrite<std::byte[]>(memory_for(size));
    }
    kept_bytes_ -= memory_for(size);
    std::unique_ptr<std::byte[]> memory = std::move(kept.back());
    kept.pop_back();
    return memory;
}

void buffer_pool::put_back(std::unique_ptr<std::byte[]> memory, std::size_t size) noexcept {
    if (kept_bytes_ + memory_for(size) > limit) {
        return;
    }
    try {
        kept_[class_of(size)].push_back(std::move(memory));
        kept_bytes_ += memory_for(size);
    } catch (std::bad_alloc const&) {
        return;  // then it is not kept
    }
}

}  // namespace nbd
