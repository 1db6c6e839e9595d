// Floor: system

#include "system/descriptor_use.hpp"

#include <array>
#include <bit>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <weft/detail/coroutine/thread.hpp>

#include "base/static_mutex.hpp"
#include "stack/system.hpp"

namespace weft::detail {
namespace {

constexpr std::uint64_t closing = 1;  ///< The lowest bit; the others are reactors', and the highest is shared.
constexpr std::size_t bits = 64;

struct words {
    std::atomic<std::uint64_t> users{0};
    std::atomic<std::uint32_t> life{0};
};

// A table in two steps: 16 million numbers, of which those take memory that are in use, or near to one that is.
constexpr std::size_t in_a_chunk = 4096;
using chunk = std::array<words, in_a_chunk>;
constinit std::array<std::atomic<chunk*>, 4096> chunks{};

/// nullptr: nobody has used a number near to it.
words* find(int fd) noexcept {
    auto number = static_cast<std::size_t>(fd);
    if (fd < 0 || number / in_a_chunk >= chunks.size()) {
        return nullptr;
    }
    chunk* c = chunks[number / in_a_chunk].load(std::memory_order_acquire);
    return c != nullptr ? &(*c)[number % in_a_chunk] : nullptr;
}

/// nullptr: there is no memory, or the number is out of all bounds. Then nobody is told when it is closed.
words* find_or_make(int fd) noexcept {
    auto number = static_cast<std::size_t>(fd);
    words* found = find(fd);
    if (found != nullptr || fd < 0 || number / in_a_chunk >= chunks.size()) {
        return found;
    }
    std::unique_ptr<chunk> made(new (std::nothrow) chunk{});
    chunk* none = nullptr;
    if (made != nullptr && chunks[number / in_a_chunk].compare_exchange_strong(none, made.get())) {
        (void)made.release();  // for good
    }
    return find(fd);
}

constinit static_mutex registry_lock;
constinit std::array<descriptor_user*, bits> registry{};  ///< By bit; linked through next_.

// A child has no thread that closes anything, and of its parent's reactors it may only destroy its copies.
[[maybe_unused]] int const at_forks = at_fork([] { registry_lock.lock(); }, [] { registry_lock.unlock(); },
                                              [] {
                                                  registry = {};
                                                  for (auto& c : chunks) {
                                                      for (std::size_t i = 0; c != nullptr && i < in_a_chunk; ++i) {
                                                          words& w = (*c.load())[i];
                                                          if ((w.users & closing) != 0) {
                                                              w.users = 0;
                                                          }
                                                      }
                                                  }
                                                  registry_lock.unlock();
                                              });

}  // namespace

descriptor_user::descriptor_user() noexcept {
    std::lock_guard guard(registry_lock);
    std::size_t mine = 1;
    while (mine < bits - 1 && registry[mine] != nullptr) {
        ++mine;
    }
    bit_ = std::uint64_t{1} << mine;
    next_ = std::exchange(registry[mine], this);
}

void descriptor_user::forget_me() noexcept {
    std::lock_guard guard(registry_lock);
    descriptor_user** link = &registry[static_cast<std::size_t>(std::countr_zero(bit_))];
    while (*link != nullptr && *link != this) {
        link = &(*link)->next_;
    }
    if (*link != nullptr) {
        *link = next_;
    }
}

std::uint32_t descriptor_user::use(int fd) noexcept {
    thread_.store(&this_thread(), std::memory_order_relaxed);
    words* w = find_or_make(fd);
    if (w == nullptr) {
        return 0;
    }
    for (;;) {
        std::uint32_t life = w->life.load();
        std::uint64_t users = w->users.load();
        if ((users & closing) != 0) {
            let_others_run();
        } else if ((users & bit_) != 0 || w->users.compare_exchange_weak(users, users | bit_)) {
            return life;
        }
    }
}

bool descriptor_user::on_own_thread() const noexcept {
    return thread_.load(std::memory_order_relaxed) == &this_thread();
}

void descriptor_user::remember_closed(int fd) noexcept {
    std::lock_guard guard(lock_);
    try {
        closed_.push_back(fd);
    } catch (std::bad_alloc const&) {
        forgotten_ = true;
    }
    any_closed_.store(true, std::memory_order_release);
}

bool descriptor_user::take_closed(std::vector<int>& into) noexcept {
    std::lock_guard guard(lock_);
    any_closed_.store(false, std::memory_order_relaxed);
    into.swap(closed_);
    return std::exchange(forgotten_, false);
}

std::uint32_t life_of(int fd) noexcept {
    words const* w = find(fd);
    return w != nullptr ? w->life.load() : 0;
}

descriptor_closing::descriptor_closing(int fd, bool closes) noexcept : fd_(fd) {
    words* w = find(fd);
    if (w == nullptr) {
        return;
    }
    w->life.fetch_add(1);
    std::uint64_t users = w->users.exchange(closing) & ~closing;
    if (users == 0) {
        return;
    }
    std::lock_guard guard(registry_lock);
    for (; users != 0; users &= users - 1) {
        for (auto* u = registry[static_cast<std::size_t>(std::countr_zero(users))]; u != nullptr; u = u->next_) {
            later_ = u->closed(fd, closes) || later_;
        }
    }
}

descriptor_closing::~descriptor_closing() {
    if (words* w = find(fd_)) {
        w->users.fetch_and(~closing);
    }
}

}  // namespace weft::detail
