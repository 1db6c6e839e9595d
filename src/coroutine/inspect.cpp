// Floor: coroutine

#include <weft/inspect.hpp>

#include "coroutine/registry.hpp"

namespace weft::detail {

void for_each_coroutine(void (*f)(coroutine_info const&, void*), void* argument) {
    for_each_block([&](control_block const& co) {
        snapshot s(co);
        bool waiting = s.status == state::waiting;
        f({.id = s.id,
           .name = s.name,
           .state = s.status,
           .created_at = s.created_at,
           .entered_at = s.entered_at,
           .suspended_at = s.suspended_at,
           .waits_for = waiting ? s.waits_for : nullptr,
           .waits_on = waiting ? s.waits_on : nullptr,
           .since = clock::time_point(waiting ? clock::duration(s.since) : clock::duration(0)),
           .stack_size = s.stack_size},
          argument);
    });
}

}  // namespace weft::detail
