// Floor: c
//
// Contexts, bottom halves and time.

#include <algorithm>
#include <cerrno>
#include <future>
#include <thread>

#include "c/qemu.hpp"
#include "loop/loop_access.hpp"

using namespace weft;
using namespace weft::c;

struct QEMUBH : detail::posted {
    executor* ctx;
    QEMUBHFunc* f;
    void* opaque;
    std::atomic<std::uint32_t> flags{0};
};

struct IOThread {
    AioContext* ctx = nullptr;
    bool stop = false;  // its own thread's
    std::thread thread;
};

namespace {

executor& executor_of(AioContext* ctx) {
    return *reinterpret_cast<executor*>(ctx);
}
AioContext* context_of(executor& e) {
    return reinterpret_cast<AioContext*>(&e);
}

std::atomic<AioContext*> main_context{nullptr};

/// Called by the loop, once.
struct oneshot : detail::posted {
    QEMUBHFunc* f;
    void* opaque;
};

void run_oneshot(detail::posted* p) {
    auto* o = static_cast<oneshot*>(p);
    QEMUBHFunc* f = o->drop ? nullptr : o->f;
    void* opaque = o->opaque;
    delete o;
    if (f != nullptr) {
        call(f, opaque);
    }
}

// A bottom half that is `posted` is in a loop's hands, and is freed by its call. Cancelled, it is so without `wanted`.
constexpr std::uint32_t posted = 1;
constexpr std::uint32_t wanted = 2;
constexpr std::uint32_t deleted = 4;

void run_bottom_half(detail::posted* p) {
    auto* bh = static_cast<QEMUBH*>(p);
    // From here on it may be scheduled again: what that tells of, the call may not have seen.
    std::uint32_t flags = bh->flags.fetch_and(deleted, std::memory_order_acq_rel);
    if ((flags & deleted) != 0) {
        delete bh;
    } else if ((flags & wanted) != 0 && !p->drop) {
        call(bh->f, bh->opaque);
    }
}

/// What a qemu_co_timeout() and the coroutine that it made share. The last of the two frees it.
struct timed_call {
    enum state : std::uint8_t { running, ended, abandoned };

    CoroutineEntry* entry;
    void* opaque;
    CleanupFunc* clean;
    QemuCoSleep sleep{};
    std::atomic<state> now{running};
    std::atomic<int> owners{2};

    void let_go() noexcept {
        if (owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            delete this;
        }
    }
};

WEFT_COROUTINE_FN void run_timed_call(void* opaque) {
    auto& c = *static_cast<timed_call*>(opaque);
    call(c.entry, c.opaque);
    if (c.now.exchange(timed_call::ended) != timed_call::abandoned) {
        qemu_co_sleep_wake(&c.sleep);
    } else if (c.clean != nullptr) {
        call(c.clean, c.opaque);
    }
    c.let_go();
}

/// weft_co_run(): the coroutine may end on another context than the one that waits for it.
struct outside_call {
    CoroutineEntry* entry;
    void* opaque;
    AioContext* home;
    bool ended = false;
};

void note_the_end(void* opaque) {
    static_cast<outside_call*>(opaque)->ended = true;
}

WEFT_COROUTINE_FN void run_outside_call(void* opaque) {
    auto& c = *static_cast<outside_call*>(opaque);
    call(c.entry, c.opaque);
    if (qemu_get_current_aio_context() == c.home) {
        c.ended = true;
    } else {
        aio_bh_schedule_oneshot(c.home, note_the_end, &c);
    }
}

}  // namespace

extern "C" {

AioContext* qemu_get_current_aio_context() {
    return context_of(detail::loop_access::as_executor(own_loop()));
}

int qemu_init_main_loop(Error**) {
    main_context = qemu_get_current_aio_context();
    return 0;
}

AioContext* qemu_get_aio_context() {
    AioContext* ctx = main_context;
    return ctx != nullptr ? ctx : qemu_get_current_aio_context();
}

bool aio_poll(AioContext* ctx, bool blocking) {
    require(ctx == qemu_get_current_aio_context(), "aio_poll", "the context is another thread's");
    return call([blocking] { return own_loop().run_some(blocking); });
}

void aio_bh_schedule_oneshot(AioContext* ctx, QEMUBHFunc* cb, void* opaque) {
    auto* o = new (std::nothrow) oneshot{{.run = &run_oneshot}, cb, opaque};
    require(o != nullptr, "aio_bh_schedule_oneshot", "no memory");
    executor_of(ctx).push(*o);
}

QEMUBH* aio_bh_new(AioContext* ctx, QEMUBHFunc* cb, void* opaque) {
    auto* bh = new (std::nothrow) QEMUBH{{.run = &run_bottom_half}, &executor_of(ctx), cb, opaque};
    require(bh != nullptr, "aio_bh_new", "no memory");
    return bh;
}

void qemu_bh_schedule(QEMUBH* bh) {
    if ((bh->flags.fetch_or(posted | wanted, std::memory_order_acq_rel) & posted) == 0) {
        bh->ctx->push(*bh);
    }
}

void qemu_bh_cancel(QEMUBH* bh) {
    bh->flags.fetch_and(~wanted, std::memory_order_acq_rel);
}

void qemu_bh_delete(QEMUBH* bh) {
    if ((bh->flags.fetch_or(deleted, std::memory_order_acq_rel) & posted) == 0) {
        delete bh;
    }
}

IOThread* iothread_new() {
    auto* iothread = new (std::nothrow) IOThread;
    require(iothread != nullptr, "iothread_new", "no memory");
    std::promise<void> ready;
    iothread->thread = std::thread([iothread, &ready] {
        iothread->ctx = qemu_get_current_aio_context();
        ready.set_value();
        own_loop().run_until(iothread->stop);
    });
    ready.get_future().wait();
    return iothread;
}

AioContext* iothread_get_aio_context(IOThread* iothread) {
    return iothread->ctx;
}

void iothread_join(IOThread* iothread) {
    aio_bh_schedule_oneshot(
        iothread->ctx, [](void* stop) { *static_cast<bool*>(stop) = true; }, &iothread->stop);
    iothread->thread.join();
    delete iothread;
}

void qemu_co_sleep(QemuCoSleep* w) {
    qemu_coroutine& self = self_or_die("qemu_co_sleep");
    set_scheduled(self, "qemu_co_sleep");
    std::atomic_ref(w->to_wake).store(handle_of(self));
    yield("qemu_co_sleep");
}

void qemu_co_sleep_wake(QemuCoSleep* w) {
    Coroutine* co = std::atomic_ref(w->to_wake).exchange(nullptr);
    if (co != nullptr) {
        qemu_coroutine& q = of(co, "qemu_co_sleep_wake");
        q.scheduled.store(nullptr);
        wake(q);
    }
}

void qemu_co_sleep_ns_wakeable(QemuCoSleep* w, QEMUClockType, std::int64_t ns) {
    timer t;
    t.waiter = w;
    t.expired = [](timer& expired) noexcept { qemu_co_sleep_wake(static_cast<QemuCoSleep*>(expired.waiter)); };
    own_loop().arm(t, detail::later(own_loop().time(), clock::duration(ns)));
    qemu_co_sleep(w);
    if (t.armed()) {
        own_loop().disarm(t);
    }
}

void qemu_co_sleep_ns(QEMUClockType type, std::int64_t ns) {
    QemuCoSleep nobody_wakes{};
    qemu_co_sleep_ns_wakeable(&nobody_wakes, type, ns);
}

int qemu_co_timeout(CoroutineEntry* entry, void* opaque, std::uint64_t timeout_ns, CleanupFunc* clean) {
    if (timeout_ns == 0) {
        entry(opaque);
        return 0;
    }
    auto* c = new (std::nothrow) timed_call{entry, opaque, clean};
    require(c != nullptr, "qemu_co_timeout", "no memory");
    qemu_coroutine_enter(qemu_coroutine_create(run_timed_call, c));
    if (c->now.load() == timed_call::running) {
        qemu_co_sleep_ns_wakeable(&c->sleep, QEMU_CLOCK_REALTIME,
                                  static_cast<std::int64_t>(std::min<std::uint64_t>(timeout_ns, INT64_MAX / 4)));
    }
    timed_call::state before = timed_call::running;
    bool in_time = !c->now.compare_exchange_strong(before, timed_call::abandoned);
    c->let_go();
    return in_time ? 0 : -ETIMEDOUT;
}

void weft_co_run(CoroutineEntry* entry, void* opaque) {
    require(!qemu_in_coroutine(), "weft_co_run", "called inside a coroutine: it would block the thread");
    outside_call c{entry, opaque, qemu_get_current_aio_context()};
    qemu_coroutine_enter(qemu_coroutine_create(run_outside_call, &c));
    while (!c.ended) {
        (void)aio_poll(c.home, true);
    }
}

}  // extern "C"
