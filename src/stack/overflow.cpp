// Floor: stack
//
// What is said of an overflow, on every system. It runs in a signal's handler: no allocation, no lock, no stdio.

#include "stack/overflow.hpp"

#include <unistd.h>

#include <atomic>

namespace weft {
namespace detail {
namespace {

constinit std::atomic<stack_user const*> user{nullptr};

enum class watch { not_begun, on, left_out };
constinit std::atomic<watch> handler{watch::not_begun};

void print(std::string_view text) noexcept {
    while (!text.empty()) {
        auto written = write(STDERR_FILENO, text.data(), static_cast<unsigned>(text.size()));
        if (written <= 0) {
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace

void set_stack_user(stack_user const& who) noexcept {
    user.store(&who, std::memory_order_release);
}

stack const* running_stack() noexcept {
    auto const* known = user.load(std::memory_order_acquire);
    return known == nullptr ? nullptr : known->running();
}

void say_who_overflowed(stack const& s, std::uintptr_t program_counter) noexcept {
    fixed_text where;
    add_call_site(where, program_counter);
    fixed_text text;
    text << "weft: ";
    auto const* known = user.load(std::memory_order_acquire);
    if (known == nullptr || !known->describe(s, where.view(), text)) {
        text << "a stack of " << usable_kib(s.slot_size) << " KiB overflowed" << where.view();
    }
    print(text.line());
}

bool begin_to_watch() noexcept {
    watch before = watch::not_begun;
    return handler.compare_exchange_strong(before, watch::on);
}

}  // namespace detail

bool leave_faults_alone() noexcept {
    auto before = detail::watch::not_begun;
    return detail::handler.compare_exchange_strong(before, detail::watch::left_out) ||
           before == detail::watch::left_out;
}

}  // namespace weft
