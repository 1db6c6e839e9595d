// Floor: sync

#include <weft/channel.hpp>

#include "coroutine/misuse.hpp"

namespace weft::detail {

channel_base::~channel_base() {
    bool sending = somebody_waits(lock_, senders_);
    if (somebody_waits(lock_, receivers_) || sending) {
        die({}, "a weft::channel was destroyed while somebody waits in it: close it, and let them end, first");
    }
}

void channel_base::close() noexcept {
    branch* let_go = nullptr;
    branch** end = &let_go;
    lock_.lock();
    closed_ = true;
    for (waiter_list* list : {&senders_, &receivers_}) {
        while (branch* b = list->grant_first()) {
            b->amount = closed_mark;
            *end = b;
            end = &b->next;
        }
    }
    *end = nullptr;
    lock_.unlock();
    wake_chain(let_go);
}

bool channel_base::wait_in(waiter_list& list, void* item, char const* what, call_site where) {
    if (closed_) {
        lock_.unlock();
        return false;
    }
    if (stop_of_caller().asked()) {
        lock_.unlock();
        throw_stopped(what);
    }
    single_wait w;
    w.item = item;
    list.push(w);
    if (!wait(w, {what, this, lock_, list}, where)) {
        throw_stopped(what);
    }
    return w.amount != closed_mark;
}

}  // namespace weft::detail
