// Floor: coroutine

#include "coroutine/registry.hpp"

#include <bit>
#include <string>
#include <weft/detail/coroutine/park.hpp>

#include "coroutine/misuse.hpp"

// Reads what other threads write, as a debugger does: no lock would be worth its cost to every switch.
#define WEFT_READS_OTHERS __attribute__((no_sanitize("thread")))

namespace weft::detail {
namespace {

template <class T>
[[gnu::always_inline]] WEFT_READS_OTHERS inline T peek(T const& word) noexcept {
    return *const_cast<T const volatile*>(&word);
}

[[gnu::always_inline]] WEFT_READS_OTHERS inline state peek(std::atomic<state> const& s) noexcept {
    static_assert(sizeof(s) == sizeof(state));
    return *reinterpret_cast<state const volatile*>(&s);
}

[[gnu::always_inline]] WEFT_READS_OTHERS inline call_site peek(call_site const& p) noexcept {
    static_assert(sizeof(call_site) == sizeof(std::uint64_t));
    std::uint64_t word = *reinterpret_cast<std::uint64_t const volatile*>(&p);
    return std::bit_cast<call_site>(word);
}

}  // namespace

control_block const* coroutine_at(void const* address) noexcept {
    auto const* a = static_cast<char const*>(address);
    for (auto* s = std::atomic_ref(weft_slabs).load(std::memory_order_acquire); s != nullptr; s = s->next) {
        std::size_t carved = std::atomic_ref(s->carved).load(std::memory_order_acquire);
        if (a < s->base || a >= s->slot(carved)) {
            continue;
        }
        std::size_t number = static_cast<std::size_t>(a - s->base) / (s->slot_size + slot_gap);
        control_block const* co = coroutine_on(stack_in(s->slot(number), s->slot_size));
        return co == address ? co : nullptr;
    }
    return nullptr;
}

WEFT_READS_OTHERS snapshot::snapshot(control_block const& co) noexcept
    : block(&co),
      id(peek(co.id)),
      status(peek(co.status)),
      created_at(peek(co.created_at)),
      entered_at(peek(co.entered_at)),
      suspended_at(peek(co.suspended_at)),
      since(peek(co.since)),
      waits_for(peek(co.waits_for)),
      waits_on(peek(co.waits_on)),
      holder(peek(co.holder)),
      home(peek(co.home)),
      at_end(peek(co.at_end)),
      maker_data(peek(co.maker_data)),
      stack_size(peek(co.frames().slot_size)) {
    if (status == state::suspended && peek(co.saved.stack_pointer) == nullptr &&
        peek(co.parked_stack_pointer) == nullptr) {
        status = state::running;
    }
    for (std::size_t i = 0; i < sizeof name; ++i) {
        name[i] = peek(co.name[i]);
    }
    name[sizeof name - 1] = '\0';
}

namespace {

/// Whether a loop runs it that is `home`, and it waits without a limit for what somebody holds.
WEFT_READS_OTHERS bool waits_for_ever(control_block const& co, executor const* home) noexcept {
    return peek(co.holder) != nullptr && peek(co.home) == home && peek(co.scheduled) &&
           peek(co.status) == state::waiting && peek(co.stop.limits) == nullptr;
}

}  // namespace

// Only coroutines of the calling thread's loop are followed, and only while they wait: such a one can't run before the
// caller lets the thread go, so it holds what it holds, and what it waits for is there. (Circles that span several loops
// are found by dump().)
void waits_for_holder::die_of_deadlock(control_block const& self, std::atomic<void const*> const& holder,
                                       call_site where) {
    constexpr int most = 64;
    executor const* home = this_thread().home;
    if (home == nullptr || self.stop.limits != nullptr) {
        return;
    }
    std::atomic<void const*> const* wanted = &holder;
    std::string circle;
    for (int i = 0; i < most; ++i) {
        control_block const* next = coroutine_at(wanted->load(std::memory_order_relaxed));
        if (next == &self) {
            die(where, "deadlock: " + describe(self) + " would wait for " + circle + describe(self) + " holds");
        }
        if (next == nullptr || !waits_for_ever(*next, home)) {
            return;
        }
        circle += "what " + describe(*next) + " holds, which waits at " + next->suspended_at.file() + ':' +
                  std::to_string(next->suspended_at.line()) + " for what ";
        wanted = next->holder;
    }
}

}  // namespace weft::detail
