// Floor: c

#include <weft/channel.hpp>
#include <weft/mutex.hpp>
#include <weft/semaphore.hpp>
#include <weft/shared_mutex.hpp>
#include <weft/wait_queue.hpp>

#include "c/face.hpp"

using namespace weft;
using namespace weft::c;

struct weft_channel {
    explicit weft_channel(std::size_t capacity) : values(capacity) {}
    channel<void*> values;
};

namespace {

mutex& of(weft_mutex* m) {
    return inside<mutex>(m);
}
shared_mutex& of(weft_rwlock* l) {
    return inside<shared_mutex>(l);
}
wait_queue& of(weft_queue* q) {
    return inside<wait_queue>(q);
}
semaphore& of(weft_semaphore* s) {
    return inside<semaphore>(s);
}

WEFT_MIXED_FN int wait_in(wait_queue& queue, weft_mutex* m, bool in_front, call_site where) noexcept {
    struct nothing {
        void lock() {}
        void unlock() {}
    } none;
    return or_error([&] {
        if (m == nullptr) {
            in_front ? queue.wait_at_front(none, where) : queue.wait(none, where);
        } else {
            in_front ? queue.wait_at_front(of(m), where) : queue.wait(of(m), where);
        }
    });
}

}  // namespace

extern "C" {

int weft_mutex_lock_at(weft_mutex* m, weft_call_site where) {
    return or_error([&] { of(m).lock(call_site_of(where)); });
}

bool weft_mutex_try_lock(weft_mutex* m) {
    return of(m).try_lock();
}

void weft_mutex_unlock_at(weft_mutex* m, weft_call_site where) {
    of(m).unlock(call_site_of(where));
}

bool weft_mutex_owned(weft_mutex const* m) {
    return of(const_cast<weft_mutex*>(m)).owned();
}

void weft_mutex_destroy(weft_mutex* m) {
    std::destroy_at(&of(m));
}

int weft_rwlock_lock_at(weft_rwlock* l, weft_call_site where) {
    return or_error([&] { of(l).lock(call_site_of(where)); });
}

bool weft_rwlock_try_lock(weft_rwlock* l) {
    return of(l).try_lock();
}

void weft_rwlock_unlock_at(weft_rwlock* l, weft_call_site where) {
    of(l).unlock(call_site_of(where));
}

int weft_rwlock_lock_shared_at(weft_rwlock* l, weft_call_site where) {
    return or_error([&] { of(l).lock_shared(call_site_of(where)); });
}

bool weft_rwlock_try_lock_shared(weft_rwlock* l) {
    return of(l).try_lock_shared();
}

void weft_rwlock_unlock_shared_at(weft_rwlock* l, weft_call_site where) {
    of(l).unlock_shared(call_site_of(where));
}

int weft_rwlock_upgrade_at(weft_rwlock* l, weft_call_site where) {
    return or_error([&] { of(l).upgrade(call_site_of(where)); });
}

void weft_rwlock_downgrade_at(weft_rwlock* l, weft_call_site where) {
    of(l).downgrade(call_site_of(where));
}

void weft_rwlock_destroy(weft_rwlock* l) {
    std::destroy_at(&of(l));
}

int weft_queue_wait_at(weft_queue* q, weft_mutex* m, weft_call_site where) {
    return wait_in(of(q), m, false, call_site_of(where));
}

int weft_queue_wait_in_front_at(weft_queue* q, weft_mutex* m, weft_call_site where) {
    return wait_in(of(q), m, true, call_site_of(where));
}

bool weft_queue_wake_one(weft_queue* q) {
    return of(q).wake_one();
}

std::size_t weft_queue_wake_all(weft_queue* q) {
    return of(q).wake_all();
}

bool weft_queue_empty(weft_queue const* q) {
    return of(const_cast<weft_queue*>(q)).empty();
}

void weft_queue_destroy(weft_queue* q) {
    std::destroy_at(&of(q));
}

void weft_semaphore_init(weft_semaphore* s, std::int64_t available) {
    ::new (static_cast<void*>(s->opaque)) semaphore(available);
}

void weft_semaphore_init_bounded(weft_semaphore* s, std::int64_t available, std::int64_t maximum) {
    ::new (static_cast<void*>(s->opaque)) semaphore(available, maximum, {});
}

int weft_semaphore_acquire_at(weft_semaphore* s, std::int64_t amount, weft_call_site where) {
    return or_error([&] { of(s).acquire(amount, call_site_of(where)); });
}

bool weft_semaphore_try_acquire(weft_semaphore* s, std::int64_t amount) {
    return of(s).try_acquire(amount);
}

void weft_semaphore_release(weft_semaphore* s, std::int64_t amount) {
    of(s).release(amount);
}

std::int64_t weft_semaphore_available(weft_semaphore const* s) {
    return of(const_cast<weft_semaphore*>(s)).available();
}

void weft_semaphore_destroy(weft_semaphore* s) {
    std::destroy_at(&of(s));
}

weft_channel* weft_channel_new(std::size_t capacity) {
    return or_null([&] { return new weft_channel(capacity); });
}

int weft_channel_send_at(weft_channel* c, void* value, weft_call_site where) {
    return or_error([&] { return c->values.send(value, call_site_of(where)) ? 0 : -EPIPE; });
}

int weft_channel_receive_at(weft_channel* c, void** value, weft_call_site where) {
    return or_error([&] {
        std::optional<void*> received = c->values.receive(call_site_of(where));
        *value = received.value_or(nullptr);
        return received ? 1 : 0;
    });
}

int weft_channel_try_send(weft_channel* c, void* value) {
    return or_error([&] {
        return c->values.try_send(static_cast<void*>(value)) ? 0 : c->values.closed() ? -EPIPE : -EAGAIN;
    });
}

int weft_channel_try_receive(weft_channel* c, void** value) {
    bool closed = c->values.closed();  // asked first: what is sent before that is inside
    std::optional<void*> received = c->values.try_receive();
    *value = received.value_or(nullptr);
    return received ? 1 : closed ? 0 : -EAGAIN;
}

void weft_channel_close(weft_channel* c) {
    c->values.close();
}

std::size_t weft_channel_size(weft_channel const* c) {
    return c->values.size();
}

void weft_channel_delete(weft_channel* c) {
    delete c;
}

}  // extern "C"
