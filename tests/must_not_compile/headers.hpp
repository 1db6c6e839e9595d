// What misuse.cpp includes, to be compiled once.

#include <mutex>
#include <span>
#include <vector>
#include <weft/coroutine.hpp>
#include <weft/file.hpp>
#include <weft/generator.hpp>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/shield.hpp>
#include <weft/task.hpp>
