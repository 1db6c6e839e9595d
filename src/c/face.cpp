// Floor: c

#include "c/face.hpp"

#include <exception>
#include <string>

#include "coroutine/misuse.hpp"

namespace weft::c {

coroutine_options options_of(weft_options const* options) {
    coroutine_options result;
    if (options != nullptr) {
        result.name = options->name == nullptr ? "" : options->name;
        result.stack_size = options->stack_size == 0 ? default_stack_size : options->stack_size;
        result.measure_stack = options->measure_stack;
    }
    return result;
}

void die_of_exception() noexcept {
    std::string what = "an exception";
    (void)detail::caught_in_call("a function that C code has given to weft");
    try {
        throw;
    } catch (std::exception const& e) {
        what = "an exception (" + std::string(e.what()) + ")";
    } catch (...) {
    }
    detail::control_block const* current = detail::this_thread().current;
    detail::die({}, what + " has reached a C function of weft's" +
                        (current == nullptr ? "" : " in " + detail::describe(*current)) +
                        ": it would have to leave C code, so catch it before");
}

void die_of_unwinding() noexcept {
    detail::control_block const& self = *detail::this_thread().current;
    detail::die(self.suspended_at,
                detail::describe(self) +
                    " was destroyed while it is suspended in a C function: frames of C code can't be "
                    "unwound; let it end, or create it with weft_create()");
}

void check_limits_ended() noexcept {
    detail::control_block const& self = *detail::this_thread().current;
    if (self.stop.limits != nullptr || self.stop.shielded != 0) [[unlikely]] {
        detail::die({}, detail::describe(self) +
                            " ends between weft_limit_begin() or weft_shield_begin() and the end that belongs to "
                            "it");
    }
}

}  // namespace weft::c
