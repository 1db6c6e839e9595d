// Floor: coroutine

#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <weft/coroutine.hpp>
#include <weft/detail/coroutine/park.hpp>

namespace weft::detail {

revocable_wait::revocable_wait() {
    interrupt = [](interruptible_wait& i) noexcept {
        auto& me = static_cast<revocable_wait&>(i);
        if (me.waiting->current_state() != state::waiting) {
            return;  // its wake-up has come, and it runs soon
        }
        me.waiting->being_taken_back = true;
        try {
            me.taken_back = me.take_back(me);
        } catch (...) {
            die_of_throwing_while_parked();
        }
        me.waiting->being_taken_back = false;
        if (me.taken_back) {
            wake(*me.waiting);
        }
    };
}

void can_be_taken_back(revocable_wait& wait, control_block& parked) {
    wait.waiting = &parked;
    parked.stop.begin(wait);
    if (parked.stop.asked()) {  // since it was parked
        parked.stop.stop(parked.stop.reason);
    }
}

void park_revocably(control_block& self, revocable_wait& wait, call_site where) {
    if (self.stop.asked()) {
        throw_stopped("suspend");
    }
    park(self, nullptr, nullptr, where, &wait);
    self.stop.wait = nullptr;
    if (wait.taken_back) {
        throw_stopped("suspend");
    }
}

namespace {

/// Sanitizers are told of enters and leaves, one after the other.
constexpr bool sanitizers_follow = !std::is_empty_v<context::sanitizer_fiber>;

bool may_switch_straight(control_block const& self, thread_state const& thread, executor const& home) {
    return !sanitizers_follow && self.scheduled && home.runs_left > 0 && !home.ready.empty() &&
           !home.ready.first()->slow_to_enter && !self.keeps_fpu_control && !thread.exceptions->any();
}

}  // namespace

// The loop's frame is that of the enterer still: whoever leaves next, or ends, comes back to it, and the loop finds in
// run_by_loop who that is. `self` is queued with its stack pointer in `saved`; that an enter() would take it for suspended
// does no harm, as nobody can enter what a loop has scheduled.
way to_next(control_block& self, call_site where) {
    thread_state& thread = this_thread();
    executor& home = *thread.home;
    if (!may_switch_straight(self, thread, home)) {
        return {};
    }
#if defined(WEFT_CHECK_MUTEXES)
    die_if_it_holds_a_mutex(self, where);
#endif
    put_enterer_back(self, thread);
    self.suspended_at = where;
    self.transition(state::suspended, state::queued);
    WEFT_TRACE2(yield, &self, thread.entered_by);
    --home.runs_left;
    control_block& next = home.ready.pop();
    home.ready.push(self, __builtin_frame_address(0));
    dequeued(next);
    next.entered_at = call_site("weft::loop", 0);
    next.base.enterer = &thread.enterer;
    thread.current = thread.run_by_loop = &next;
    WEFT_TRACE2(enter, thread.entered_by, &next);
    return {&next.saved, std::exchange(next.saved.stack_pointer, nullptr)};
}

void after_refusal() {
    constexpr std::uint8_t most_in_a_row = 16;
    thread_state& thread = this_thread();
    control_block* self = thread.current;
    if (self != nullptr && self->scheduled && ++self->stop.refusals % most_in_a_row == 0) {
        leave(*self, thread, yielded, call_site("a wait that was ended", 0));
    }
}

void throw_stopped(char const* what) {
    after_refusal();
    bool timed_out = stop_of_caller().reason == stop_reason::timed_out;
    throw std::system_error(std::make_error_code(timed_out ? std::errc::timed_out : std::errc::operation_canceled),
                            std::string("weft: ") + what);
}

}  // namespace weft::detail
