#include "protocol.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <new>
#include <utility>

namespace nbd {
namespace {

/// Reads numbers in network byte order. Whoever reads has checked that there is enough.
class reader {
public:
    explicit reader(bytes data) : rest_(data) {}

    template <class Number>
    Number number() {
        Number value = 0;
        for (std::byte b : rest_.first(sizeof(Number))) {
            value = static_cast<Number>((std::uint64_t{value} << 8) | std::to_integer<std::uint64_t>(b));
        }
        rest_ = rest_.subspan(sizeof(Number));
        return value;
    }

    std::string text(std::size_t size) {
        std::string value(reinterpret_cast<char const*>(rest_.data()), size);
        rest_ = rest_.subspan(size);
        return value;
    }

    [[nodiscard]] std::size_t left() const { return rest_.size(); }

private:
    bytes rest_;
};

class head_writer {
public:
    template <class Number>
    head_writer& number(Number value) {
        for (std::size_t shift = sizeof(Number) * 8; shift > 0; shift -= 8) {
            head_.data[head_.size++] = static_cast<std::byte>(value >> (shift - 8));
        }
        return *this;
    }
    [[nodiscard]] reply_head get() const { return head_; }

private:
    reply_head head_;
};

/// The head of a reply of one chunk, whose payload has `length` bytes.
head_writer chunk_head(form f, request const& r, chunk type, std::uint64_t length) {
    head_writer head;
    head.number(f == form::extended ? extended_reply_magic : structured_reply_magic)
        .number(static_cast<std::uint16_t>(chunk_done))
        .number(static_cast<std::uint16_t>(type))
        .number(r.cookie);
    if (f == form::extended) {
        head.number(r.offset).number(length);
    } else {
        head.number(static_cast<std::uint32_t>(length));
    }
    return head;
}

reply_head simple_reply(request const& r, error e) {
    return head_writer().number(simple_reply_magic).number(static_cast<std::uint32_t>(e)).number(r.cookie).get();
}

template <class Length>
request read_request(reader from) {
    request r{};
    r.flags = from.number<std::uint16_t>();
    r.type = static_cast<command>(from.number<std::uint16_t>());
    r.cookie = from.number<std::uint64_t>();
    r.offset = from.number<std::uint64_t>();
    r.length = from.number<Length>();
    return r;
}

/// The flags that a command may have.
unsigned flags_for(command type, form f) {
    switch (type) {
        case command::read:
            return fua | df;
        case command::write:
            return f == form::extended ? fua | payload_length : unsigned{fua};
        case command::write_zeroes:
            return fua | no_hole | fast_zero;
        case command::block_status:
            return fua | req_one;
        default:
            return fua;
    }
}

/// Says why, if there is memory for that.
template <class... Args>
refusal refused(request const& r, error code, fmt::format_string<Args...> why, Args&&... args) {
    try {
        return {code, name_of(r.type) + fmt::format(why, std::forward<Args>(args)...)};
    } catch (std::bad_alloc const&) {
        return {code, {}};
    }
}

}  // namespace

std::optional<option_header> parse_option(std::span<std::byte const, option_header_size> data) {
    reader from(data);
    if (from.number<std::uint64_t>() != option_magic) {
        return std::nullopt;
    }
    option_header header{};
    header.code = from.number<std::uint32_t>();
    header.length = from.number<std::uint32_t>();
    return header;
}

std::optional<request> parse_request(std::span<std::byte const, request_size> data) {
    reader from(data);
    if (from.number<std::uint32_t>() != request_magic) {
        return std::nullopt;
    }
    return read_request<std::uint32_t>(from);
}

std::optional<request> parse_extended_request(std::span<std::byte const, extended_request_size> data) {
    reader from(data);
    if (from.number<std::uint32_t>() != extended_request_magic) {
        return std::nullopt;
    }
    return read_request<std::uint64_t>(from);
}

std::optional<info_request> parse_info(bytes data) {
    reader from(data);
    if (from.left() < 4) {
        return std::nullopt;
    }
    auto name_size = from.number<std::uint32_t>();
    if (name_size > maximum_name || from.left() < std::size_t{name_size} + 2) {
        return std::nullopt;
    }
    info_request parsed;
    parsed.name = from.text(name_size);
    auto count = from.number<std::uint16_t>();
    if (from.left() != std::size_t{count} * 2) {
        return std::nullopt;
    }
    for (unsigned i = 0; i < count; ++i) {
        parsed.wanted.push_back(from.number<std::uint16_t>());
    }
    return parsed;
}

std::optional<meta_request> parse_meta(bytes data) {
    reader from(data);
    auto text = [&]() -> std::optional<std::string> {
        if (from.left() < 4) {
            return std::nullopt;
        }
        auto size = from.number<std::uint32_t>();
        if (size > maximum_name || from.left() < size) {
            return std::nullopt;
        }
        return from.text(size);
    };
    auto name = text();
    if (!name || from.left() < 4) {
        return std::nullopt;
    }
    meta_request parsed{.name = *name, .queries = {}};
    auto count = from.number<std::uint32_t>();
    for (std::uint32_t i = 0; i < count; ++i) {
        auto query = text();
        if (!query) {
            return std::nullopt;
        }
        parsed.queries.push_back(*query);
    }
    return from.left() == 0 ? std::optional(parsed) : std::nullopt;
}

bool known(command type) {
    return type <= command::block_status;
}

std::uint64_t payload_of(request const& r, form f) {
    bool follows = r.type == command::write || (f == form::extended && (r.flags & payload_length) != 0);
    return follows ? r.length : 0;
}

std::optional<refusal> check(request const& r, terms const& t) {
    if (!known(r.type)) {
        return refused(r, error::invalid, ": there is no such command");
    }
    if (unsigned wrong = r.flags & ~flags_for(r.type, t.replies); wrong != 0) {
        return refused(r, error::invalid, ": flags {:#x} are not allowed", wrong);
    }
    if (r.type == command::flush || r.type == command::disconnect) {
        return std::nullopt;
    }
    bool writes = r.type == command::write || r.type == command::trim || r.type == command::write_zeroes;
    if (writes && t.read_only) {
        return refused(r, error::not_permitted, ": the export is read-only");
    }
    if (r.type == command::block_status && !t.block_status) {
        return refused(r, error::invalid, ": no metadata context was agreed on");
    }
    if (r.type == command::block_status && r.length == 0) {
        return refused(r, error::invalid, " of no bytes");
    }
    bool moves_data = r.type == command::read || r.type == command::write;
    if (moves_data && r.length > maximum_payload) {
        bool whole = r.type == command::read && (r.flags & df) != 0;  // no other request may be told of an overflow
        return refused(r, whole ? error::overflow : error::invalid, " of {} bytes is longer than {}", r.length,
                       maximum_payload);
    }
    if (r.offset > t.export_size || r.length > t.export_size - r.offset) {  // no sum: it could wrap
        bool needs_room = r.type == command::write || r.type == command::write_zeroes;
        return refused(r, needs_room ? error::no_space : error::invalid,
                       " of {} bytes at {} runs past the end (size {})", r.length, r.offset, t.export_size);
    }
    return std::nullopt;
}

std::string name_of(command type) {
    constexpr std::array names{"read", "write", "disconnect",      "flush",
                               "trim", "cache", "write of zeroes", "block status"};
    auto number = static_cast<std::size_t>(type);
    return number < names.size() ? names[number] : "command " + std::to_string(number);
}

message& message::text(std::string_view value) {
    std::transform(value.begin(), value.end(), std::back_inserter(data_),
                   [](char c) { return static_cast<std::byte>(c); });
    return *this;
}

message& message::zeros(std::size_t count) {
    data_.resize(data_.size() + count);
    return *this;
}

reply_head done(form f, request const& r) {
    return f == form::simple ? simple_reply(r, error::none) : chunk_head(f, r, chunk::none, 0).get();
}

reply_head failed(form f, request const& r, error e) {
    if (f == form::simple) {
        return simple_reply(r, e);
    }
    constexpr std::uint16_t no_message = 0;
    return chunk_head(f, r, chunk::error, 6).number(static_cast<std::uint32_t>(e)).number(no_message).get();
}

reply_head data_follows(form f, request const& r) {
    return f == form::simple ? simple_reply(r, error::none)
                             : chunk_head(f, r, chunk::offset_data, r.length + 8).number(r.offset).get();
}

reply_head status_follows(form f, request const& r, std::size_t count) {
    if (f == form::extended) {
        return chunk_head(f, r, chunk::block_status_extended, 8 + count * 16)
            .number(allocation_context_id)
            .number(static_cast<std::uint32_t>(count))
            .get();
    }
    return chunk_head(f, r, chunk::block_status, 4 + count * 8).number(allocation_context_id).get();
}

void add_extent(message& to, form f, std::uint64_t length, unsigned flags) {
    if (f == form::extended) {
        to.u64(length).u64(flags);
    } else {
        to.u32(static_cast<std::uint32_t>(length)).u32(flags);
    }
}

}  // namespace nbd
