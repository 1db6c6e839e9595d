// What the mutex is explored with, and its mutants: each thread counts under it.

#pragma once

#include <weft/mutex.hpp>

#include "model/atomic.hpp"
#include "model/explorer.hpp"

namespace model {

struct mutex_counts {
    weft::mutex m;
    plain<int> inside{0};
    void thread(unsigned) {
        m.lock();
        inside.write(inside.read() + 1);
        m.unlock();
    }
    void end() { expect(m.try_lock(), "the lock is free at the end"), m.unlock(); }
};

}  // namespace model
