// Floor: task

#include "task/processors.hpp"

#include <pthread.h>
#include <sched.h>

namespace weft::detail {

std::vector<int> processors_to_use() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    std::vector<int> processors;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        for (int i = 0; i < CPU_SETSIZE; ++i) {
            if (CPU_ISSET(i, &allowed)) {
                processors.push_back(i);
            }
        }
    }
    return processors.empty() ? std::vector{0} : processors;
}

void keep_to(int processor) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);  // if it is refused, it runs where it may
}

}  // namespace weft::detail
