#include <coroutines.hpp>

#include "close.hpp"

void close_all() { run(); }
