// Floor: system

#pragma once

#include <thread>

namespace weft::detail {

/// A thread that runs `run(argument)`, and that no signal is delivered to: those are for the threads of the program.
/// Throws std::system_error.
std::thread quiet_thread(void (*run)(void*), void* argument);

}  // namespace weft::detail
