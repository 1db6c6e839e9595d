// Floor: io

#include "io/system_call.hpp"

namespace weft::detail {
namespace {

blocking_call& of(operation& op) {
    return *static_cast<blocking_call*>(op.waiter);
}

}  // namespace

void wait_for_call(std::unique_ptr<blocking_call, frees_call>& call, char const* what, std::error_code& ec,
                   call_site where) {
    stop_state const& mine = stop_of_caller();
    auto set_reason = [&] {
        ec = std::make_error_code(mine.reason == stop_reason::timed_out ? std::errc::timed_out
                                                                        : std::errc::operation_canceled);
    };
    if (mine.asked()) {
        set_reason();
        call.reset();
        return;
    }
    // The reactor has it from the start on: it is the call's owner as soon as nobody waits.
    struct call_wait : loop_wait {
        using loop_wait::loop_wait;
        std::unique_ptr<blocking_call, frees_call>* call = nullptr;
        reactor* system = nullptr;
    } wait([](interruptible_wait& w) noexcept {
        auto& me = static_cast<call_wait&>(w);
        blocking_call& let_go = *me.call->release();
        let_go.waiter = nullptr;
        me.system->cancel(let_go.op);
        me.end();
    });
    wait.call = &call;
    wait.system = &loop::current().system();
    call->waiter = &wait;
    call->op.waiter = call.get();
    call->op.complete = [](operation& o) noexcept {
        blocking_call& c = of(o);
        c.waiter != nullptr ? c.waiter->end() : c.free(&c);
    };
    call->op.drop = [](operation& o) noexcept { of(o).free(&of(o)); };
    wait.system->start(call->op);
    wait.wait(what, &call->op, where);
    if (call == nullptr) {
        set_reason();
    } else if (call->op.result < 0) {
        set_error(ec, static_cast<int>(-call->op.result));
    } else {
        ec = call->error;
    }
}

}  // namespace weft::detail
