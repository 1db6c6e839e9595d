// Floor: task

#include <weft/await_callback.hpp>

#include "coroutine/misuse.hpp"

namespace weft::detail {

void completed_twice(call_site where) {
    die(where, "a weft::completion was called that had ended its wait before: it is called once");
}

}  // namespace weft::detail
