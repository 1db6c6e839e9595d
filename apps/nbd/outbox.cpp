#include "outbox.hpp"

#include <utility>
#include <weft/shield.hpp>

namespace nbd {
namespace {

/// Data that costs more to bring out of the processor's cache and back than a system call.
constexpr std::size_t large = 64 << 10;

}  // namespace

void outbox::send(reply_head const& head, std::span<std::byte const> data) {
    weft::shield until_it_has_gone;  // the kernel, or the one who writes, reads from `head` and `data`
    pending_.push_back({const_cast<std::byte*>(head.data.data()), head.size});
    if (!data.empty()) {
        pending_.push_back({const_cast<std::byte*>(data.data()), data.size()});
    }
    std::uint64_t mine = ++left_;
    if (!writing_) {
        writing_ = true;
        if (data.size() < large) {
            weft::yield();  // those that are ready now come first, and leave their replies too
        }
        while (!pending_.empty()) {
            write_pending();
        }
        writing_ = false;
        return;
    }
    while (written_ < mine) {
        gone_out_.wait();
    }
}

void outbox::write_pending() {
    under_way_.clear();
    std::swap(under_way_, pending_);
    std::uint64_t including = left_;
    if (!failure_) {
        to_.write_all(under_way_, failure_);
        if (failure_) {
            to_.shutdown();  // whoever reads from the connection learns of it too
        }
    }
    written_ = including;
    gone_out_.wake_all();
}

}  // namespace nbd
