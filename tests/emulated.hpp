// What can't be measured where an emulator runs the tests: qemu-user runs a program for another processor inside a process
// of its own, whose memory, mappings and system calls are the emulator's as well. (WEFT_EMULATED is set by CMake.)

#pragma once

namespace weft_test {

/// What a test counts or limits that an emulator takes part in.
enum class shared_with_emulator {
    memory,         ///< Resident memory of the whole process, its mappings.
    address_space,  ///< A limit of it.
    system_calls    ///< A filter that refuses them.
};

/// Why a test of that can't be run here, for GTEST_SKIP(); nullptr where it can.
constexpr char const* not_under_emulator([[maybe_unused]] shared_with_emulator what) {
#if defined(WEFT_EMULATED)
    switch (what) {
        case shared_with_emulator::memory:
            return "under qemu-user: it keeps records of each mapping and each thread, and translations, in the same "
                   "process";
        case shared_with_emulator::address_space:
            return "under qemu-user: a limit of the address space stops the emulator itself";
        case shared_with_emulator::system_calls:
            return "under qemu-user: it makes system calls of its own";
    }
#endif
    return nullptr;
}

}  // namespace weft_test
