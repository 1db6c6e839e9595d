// Floor: task

#include "task/processors.hpp"

#include <windows.h>

#include <bit>

namespace weft::detail {

// Those of the process's own group: up to 64.
std::vector<int> processors_to_use() {
    DWORD_PTR allowed = 0;
    DWORD_PTR all = 0;
    std::vector<int> processors;
    if (GetProcessAffinityMask(GetCurrentProcess(), &allowed, &all)) {
        for (; allowed != 0; allowed &= allowed - 1) {
            processors.push_back(std::countr_zero(allowed));
        }
    }
    return processors.empty() ? std::vector{0} : processors;
}

void keep_to(int processor) {
    SetThreadAffinityMask(GetCurrentThread(), DWORD_PTR{1} << processor);
}

}  // namespace weft::detail
