#include "protocol.hpp"

#include <algorithm>

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

head_writer chunk_head(std::uint64_t cookie, chunk type, std::uint32_t length) {
    head_writer head;
    head.number(structured_reply_magic)
        .number(static_cast<std::uint16_t>(chunk_done))
        .number(static_cast<std::uint16_t>(type))
        .number(cookie)
        .number(length);
    return head;
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
    request r{};
    r.flags = from.number<std::uint16_t>();
    r.type = from.number<std::uint16_t>();
    r.cookie = from.number<std::uint64_t>();
    r.offset = from.number<std::uint64_t>();
    r.length = from.number<std::uint32_t>();
    return r;
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

bool known(std::uint16_t command_type) {
    return command_type <= static_cast<std::uint16_t>(command::write_zeroes);
}

error check(request const& r, std::uint64_t export_size, bool export_read_only) {
    auto type = static_cast<command>(r.type);
    unsigned allowed = fua;
    allowed |= type == command::write_zeroes ? unsigned{no_hole} : 0U;
    allowed |= type == command::read ? unsigned{df} : 0U;
    if (!known(r.type) || (r.flags & ~allowed) != 0) {
        return error::invalid;
    }
    if (type == command::flush || type == command::disconnect) {
        return error::none;
    }
    bool writes = type == command::write || type == command::trim || type == command::write_zeroes;
    if (writes && export_read_only) {
        return error::not_permitted;
    }
    bool moves_data = type == command::read || type == command::write;
    if (moves_data && r.length > maximum_payload) {
        return error::overflow;
    }
    if (r.offset > export_size || r.length > export_size - r.offset) {  // no sum: it could wrap
        return writes ? error::no_space : error::invalid;
    }
    return error::none;
}

std::string name_of(std::uint16_t command_type) {
    constexpr std::array names{"read", "write", "disconnect", "flush", "trim", "cache", "write of zeroes"};
    return command_type < names.size() ? names[command_type] : "command " + std::to_string(command_type);
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

reply_head simple_reply(std::uint64_t cookie, error e) {
    return head_writer().number(simple_reply_magic).number(static_cast<std::uint32_t>(e)).number(cookie).get();
}

reply_head structured_done(std::uint64_t cookie) {
    return chunk_head(cookie, chunk::none, 0).get();
}

reply_head structured_error(std::uint64_t cookie, error e) {
    constexpr std::uint16_t no_message = 0;
    return chunk_head(cookie, chunk::error, 6).number(static_cast<std::uint32_t>(e)).number(no_message).get();
}

reply_head structured_data(std::uint64_t cookie, std::uint64_t offset, std::uint32_t length) {
    return chunk_head(cookie, chunk::offset_data, length + 8).number(offset).get();
}

}  // namespace nbd
