#include "outbox.hpp"

#include <algorithm>
#include <utility>
#include <weft/shield.hpp>

namespace nbd {
namespace {

/// Data that costs more to bring out of the processor's cache and back than a system call.
constexpr std::size_t large = 64 << 10;

iovec memory_of(bytes data) {
    return {const_cast<std::byte*>(data.data()), data.size()};
}

}  // namespace

void outbox::send(reply_head const& head, std::span<std::byte const> data) {
    weft::shield until_it_has_gone;  // the kernel, or the one who writes, reads from `head` and `data`
    pending_.reserve(pending_.size() + 2);
    pending_.push_back({.memory = memory_of(head.span())});
    if (!data.empty()) {
        pending_.push_back({.memory = memory_of(data)});
    }
    write_or_wait(data.size() < large);
}

void outbox::send_file(reply_head const& head, weft::file& from, std::uint64_t offset, std::uint64_t length) {
    weft::shield until_it_has_gone;
    pending_.reserve(pending_.size() + 2);
    pending_.push_back({.memory = memory_of(head.span())});
    pending_.push_back({.file = &from, .offset = offset, .length = length});
    write_or_wait(false);
}

void outbox::write_or_wait(bool let_others_join) {
    std::uint64_t mine = ++left_;
    if (!writing_) {
        writing_ = true;
        if (let_others_join) {
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
    try {
        write(under_way_);
    } catch (std::bad_alloc const&) {
        failure_ = std::make_error_code(std::errc::not_enough_memory);
    }
    if (failure_) {
        to_.shutdown();  // whoever reads from the connection learns of it too
    }
    written_ = including;
    gone_out_.wake_all();
}

void outbox::write(std::span<piece const> pieces) {
    while (!pieces.empty() && !failure_) {
        auto file = std::find_if(pieces.begin(), pieces.end(), [](piece const& p) { return p.file != nullptr; });
        gathered_.clear();
        for (piece const& p : pieces.first(static_cast<std::size_t>(file - pieces.begin()))) {
            gathered_.push_back(p.memory);
        }
        pieces = pieces.subspan(gathered_.size());
        to_.write_all(gathered_, failure_);
        if (!pieces.empty() && !failure_) {
            write_file(pieces.front());
            pieces = pieces.subspan(1);
        }
    }
}

void outbox::write_file(piece const& p) {
    std::uint64_t sent = to_.send_file(*p.file, p.offset, p.length, failure_);
    if (sent == 0 && failure_ == std::errc::invalid_argument) {  // a file system that can't: through memory then
        failure_.clear();
        std::vector<std::byte> buffer(std::min<std::uint64_t>(p.length, large));
        for (std::size_t n = 1; sent < p.length && n > 0 && !failure_; sent += n) {
            auto part = std::span(buffer).first(std::min<std::uint64_t>(p.length - sent, buffer.size()));
            n = p.file->read_at(part, p.offset + sent, failure_);
            if (!failure_) {
                n = to_.write_all(part.first(n), failure_);
            }
        }
    }
    if (sent < p.length && !failure_) {
        failure_ = std::make_error_code(std::errc::io_error);
    }
}

}  // namespace nbd
