// Floor: coroutine

#include <string>
#include <system_error>
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

void throw_stopped(char const* what) {
    bool timed_out = stop_of_caller().reason == stop_reason::timed_out;
    throw std::system_error(std::make_error_code(timed_out ? std::errc::timed_out : std::errc::operation_canceled),
                            std::string("weft: ") + what);
}

}  // namespace weft::detail
