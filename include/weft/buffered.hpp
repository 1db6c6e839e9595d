// Floor: io
//
// Buffers in front of streams: many small reads and writes become few large ones, and text can be read up to a delimiter.
//
//     weft::buffered_reader in(client);
//     weft::buffered_writer out(client);
//     while (auto line = in.read_line()) {
//         out.write_all(weft::bytes_of(answer(*line)));
//         out.flush();
//     }
//
// They refer to the stream and must be destroyed before it. Each call has two forms: one throws std::system_error;
// the other takes a std::error_code last. All suspend as the stream does.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>
#include <weft/byte_stream.hpp>

namespace weft {

/// Is a byte_source.
template <byte_source Source>
class buffered_reader {
public:
    /// `size`: the most that is read from the source at once, in bytes.
    explicit buffered_reader(Source& from, std::size_t size = 16 << 10) : from_(from), bytes_(size) {}

    /// Returns bytes from the buffer or, if it is empty, from the source. 0: the end.
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, std::error_code& ec,
                                   call_site where = call_site::here()) {
        ec.clear();
        if (begin_ == end_) {
            if (buffer.size() >= bytes_.size()) {
                return detail::read_from(from_, buffer, ec, where);
            }
            fill(ec, where);
        }
        std::size_t n = std::min(buffer.size(), end_ - begin_);
        std::copy_n(bytes_.begin() + at(begin_), n, buffer.begin());
        begin_ += n;
        return n;
    }
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, call_site where = call_site::here()) {
        return detail::or_throw("read", [&](auto& ec) { return read(buffer, ec, where); });
    }

    /// Reads up to and including `delimiter`. Returns what is left, without a delimiter, if the source ends before
    /// one; empty at the end. The result is valid until the next call. If there is no delimiter within `most` bytes,
    /// fails with message_size. After an error what was read stays in the buffer, and the next call continues with
    /// it.
    WEFT_MIXED_FN std::string_view read_until(std::string_view delimiter, std::size_t most, std::error_code& ec,
                                              call_site where = call_site::here()) {
        ec.clear();
        for (std::size_t searched = 0;;) {
            std::string_view there = text();
            std::size_t found = there.substr(0, most).find(delimiter, searched);
            if (found != there.npos) {
                return take(found + delimiter.size());
            }
            if (there.size() >= most) {
                ec = std::make_error_code(std::errc::message_size);
                return {};
            }
            searched = there.size() - std::min(there.size(), delimiter.size() - 1);
            if (fill(ec, where) == 0) {
                return ec ? std::string_view() : take(text().size());
            }
        }
    }
    WEFT_MIXED_FN std::string_view read_until(std::string_view delimiter, std::size_t most = 64 << 10,
                                              call_site where = call_site::here()) {
        return detail::or_throw("read", [&](auto& ec) { return read_until(delimiter, most, ec, where); });
    }

    /// The next line without its "\n" or "\r\n"; no value at the end of the source. Otherwise as read_until().
    WEFT_MIXED_FN std::optional<std::string_view> read_line(std::size_t most, std::error_code& ec,
                                                            call_site where = call_site::here()) {
        std::string_view line = read_until("\n", most, ec, where);
        if (line.empty()) {
            return {};
        }
        for (char end : {'\n', '\r'}) {
            line.remove_suffix(line.ends_with(end) ? 1 : 0);
        }
        return line;
    }
    WEFT_MIXED_FN std::optional<std::string_view> read_line(std::size_t most = 64 << 10,
                                                            call_site where = call_site::here()) {
        return detail::or_throw("read", [&](auto& ec) { return read_line(most, ec, where); });
    }

    /// What was read from the source and not returned yet. Valid until the next call.
    [[nodiscard]] std::span<std::byte const> buffered() const {
        return std::span(bytes_).subspan(begin_, end_ - begin_);
    }

private:
    using difference = std::vector<std::byte>::difference_type;
    static difference at(std::size_t n) { return static_cast<difference>(n); }

    [[nodiscard]] std::string_view text() const {
        return {reinterpret_cast<char const*>(bytes_.data()) + begin_, end_ - begin_};
    }
    std::string_view take(std::size_t n) {
        std::string_view taken = text().substr(0, n);
        begin_ += n;
        return taken;
    }

    /// Asks the source for more, once. Returns how much came.
    std::size_t fill(std::error_code& ec, call_site where) {
        if (begin_ > 0) {
            std::copy(bytes_.begin() + at(begin_), bytes_.begin() + at(end_), bytes_.begin());
            end_ -= begin_;
            begin_ = 0;
        }
        if (end_ == bytes_.size()) {
            bytes_.resize(2 * bytes_.size());
        }
        std::size_t n = detail::read_from(from_, std::span(bytes_).subspan(end_), ec, where);
        end_ += n;
        return n;
    }

    Source& from_;
    std::vector<std::byte> bytes_;
    std::size_t begin_ = 0;  ///< What is in the buffer lies from here
    std::size_t end_ = 0;    ///< to here.
};

/// Is a byte_sink. The destructor drops what was not flushed.
template <byte_sink Sink>
class buffered_writer {
public:
    explicit buffered_writer(Sink& to, std::size_t size = 16 << 10) : to_(to) { bytes_.reserve(size); }

    /// Appends to the buffer, which is written out when it is full. Data larger than the buffer bypasses it. Returns
    /// how many bytes were buffered or written, less than all only with an error.
    WEFT_MIXED_FN std::size_t write_all(std::span<std::byte const> bytes, std::error_code& ec,
                                        call_site where = call_site::here()) {
        ec.clear();
        if (bytes.size() > bytes_.capacity() - bytes_.size()) {
            flush(ec, where);
            if (ec) {
                return 0;
            }
        }
        if (bytes.size() > bytes_.capacity()) {
            return detail::write_to(to_, bytes, ec, where);
        }
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return bytes.size();
    }
    WEFT_MIXED_FN void write_all(std::span<std::byte const> bytes, call_site where = call_site::here()) {
        detail::or_throw("write", [&](auto& ec) { return write_all(bytes, ec, where); });
    }

    /// Writes out the buffer. What could not be written stays in it.
    WEFT_MIXED_FN void flush(std::error_code& ec, call_site where = call_site::here()) {
        std::size_t n = detail::write_to(to_, bytes_, ec, where);
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(n));
    }
    WEFT_MIXED_FN void flush(call_site where = call_site::here()) {
        detail::or_throw("write", [&](auto& ec) { flush(ec, where); });
    }

private:
    Sink& to_;
    std::vector<std::byte> bytes_;
};

}  // namespace weft
