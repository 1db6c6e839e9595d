#include "outbox.hpp"

#include <algorithm>
#include <utility>
#include <weft/shield.hpp>

namespace nbd {
namespace {

/// Data that costs more to bring out of the processor's cache and back than a system call.
constexpr std::size_t large = 64 << 10;

}  // namespace

void outbox::send(reply_head const& head, std::span<std::byte const> data) {
    reply mine{.head = head.span(), .data = data};
    write_or_wait(mine, data.size() < large);
}

void outbox::send_file(reply_head const& head, weft::file& from, std::uint64_t offset, std::uint64_t length) {
    reply mine{.head = head.span(), .data = {}, .file = &from, .offset = offset, .length = length};
    write_or_wait(mine, false);
}

void outbox::write_or_wait(reply& mine, bool let_others_join) {
    weft::shield until_it_has_gone;  // the kernel, or the one who writes, reads from it
    *last_ = &mine;
    last_ = &mine.next;
    std::uint64_t number = ++left_;
    if (!writing_) {
        writing_ = true;
        if (let_others_join) {
            weft::yield();  // those that are ready now come first, and leave their replies too
        }
        while (pending_ != nullptr) {
            write_pending();
        }
        writing_ = false;
        return;
    }
    while (written_ < number) {
        gone_out_.wait();
    }
}

void outbox::write_pending() {
    reply const* first = std::exchange(pending_, nullptr);
    last_ = &pending_;
    std::uint64_t including = left_;
    try {
        write(first);
    } catch (std::system_error const& e) {
        failure_ = e.code();
    } catch (std::bad_alloc const&) {
        failure_ = std::make_error_code(std::errc::not_enough_memory);
    }
    if (failure_) {
        to_.shutdown();  // whoever reads from the connection learns of it too
    }
    written_ = including;
    gone_out_.wake_all();
}

void outbox::write(reply const* first) {
    gathered_count_ = 0;
    for (reply const* each = first; each != nullptr; each = each->next) {
        gather(each->head);
        gather(each->data);
        if (each->file != nullptr) {
            write_gathered();
            write_file(*each);
        }
    }
    write_gathered();
}

void outbox::gather(bytes data) {
    if (data.empty()) {
        return;
    }
    if (gathered_count_ == gathered_.size()) {
        write_gathered();
    }
    gathered_[gathered_count_++] = {const_cast<std::byte*>(data.data()), data.size()};
}

void outbox::write_gathered() {
    std::size_t count = std::exchange(gathered_count_, 0);
    if (count > 0 && !failure_) {
        to_.write_all(std::span(gathered_).first(count), failure_);
    }
}

void outbox::write_file(reply const& r) {
    if (failure_) {
        return;
    }
    std::uint64_t sent = to_.send_file(*r.file, r.offset, r.length, failure_);
    if (sent == 0 && failure_ == std::errc::invalid_argument) {  // a file system that can't: through memory then
        failure_.clear();
        std::array<std::byte, 16 << 10> buffer;  // on the stack: that there is none can't be said any more
        for (std::size_t n = 1; sent < r.length && n > 0 && !failure_; sent += n) {
            auto part = std::span(buffer).first(std::min<std::uint64_t>(r.length - sent, buffer.size()));
            n = r.file->read_at(part, r.offset + sent, failure_);
            if (!failure_) {
                n = to_.write_all(part.first(n), failure_);
            }
        }
    }
    if (sent < r.length && !failure_) {
        failure_ = std::make_error_code(std::errc::io_error);
    }
}

}  // namespace nbd
