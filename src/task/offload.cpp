// Floor: task

#include <weft/offload.hpp>

#include <cerrno>
#include <system_error>

namespace weft::detail {

void offload(void (*call)(void*), void* argument, call_site where) {
    struct job {
        WEFT_NO_COROUTINE_FN void (*call)(void*);
        void* argument;
    } mine{call, argument};
    operation op{.what = operation::kind::call,
                 .call = [](void* j) -> std::int64_t {
                     static_cast<job*>(j)->call(static_cast<job*>(j)->argument);
                     return 0;
                 },
                 .argument = &mine};
    std::int64_t result = wait_for(op, "an offloaded call", where);
    if (result == -ECANCELED || result == -ETIMEDOUT) {
        throw_stopped("offload");
    }
    if (result < 0) {
        throw std::system_error(static_cast<int>(-result), std::generic_category(), "weft: no thread for offload()");
    }
}

}  // namespace weft::detail
