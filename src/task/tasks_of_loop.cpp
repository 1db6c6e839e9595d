// Floor: task

#include <weft/task.hpp>

namespace weft::detail {

[[gnu::noinline]] tasks_of_loop& tasks_of_this_thread() {
    thread_local tasks_of_loop tasks;
    asm volatile("");  // else compilers find out that it always returns the same, and keep that across a switch
    return tasks;
}

}  // namespace weft::detail
