// What the shared_mutex is explored with, and its mutants: a writer that becomes a reader, a reader that becomes the writer, and
// one that only reads.

#pragma once

#include <weft/shared_mutex.hpp>

#include "model/atomic.hpp"
#include "model/explorer.hpp"

namespace model {

struct shared_mutex_parts {
    weft::shared_mutex m;
    plain<int> data{0};
    void thread(unsigned me) {
        if (me == 0) {
            m.lock();
            data.write(1);
            m.downgrade();
            (void)data.read();
            m.unlock_shared();
        } else if (me == 1) {
            m.lock_shared();
            int seen = data.read();
            m.upgrade();
            expect(data.read() == seen, "nobody writes between the read and the upgrade");
            data.write(2);
            m.unlock();
        } else {
            m.lock_shared();
            (void)data.read();
            m.unlock_shared();
        }
    }
    void end() { expect(m.try_lock(), "nobody is in at the end"), m.unlock(); }
};

}  // namespace model
