#include "negotiation.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace nbd {

image* find(std::vector<image>& images, std::string_view name) {
    if (name.empty()) {
        return images.empty() ? nullptr : &images.front();
    }
    auto found = std::find_if(images.begin(), images.end(), [&](image const& i) { return i.name() == name; });
    return found == images.end() ? nullptr : &*found;
}

namespace detail {
namespace {

std::string quoted(std::span<std::byte const> name) {
    return '"' + std::string(reinterpret_cast<char const*>(name.data()), name.size()) + '"';
}

}  // namespace

void negotiation::greet() {
    stream_.write_all(message().u64(init_magic).u64(option_magic).u16(fixed_newstyle | no_zeroes).data());
    auto flags = in_.read<4>();
    auto value = std::to_integer<unsigned>(flags[3]);
    bool unknown = flags[0] != std::byte{0} || flags[1] != std::byte{0} || flags[2] != std::byte{0} ||
                   (value & ~unsigned{fixed_newstyle | no_zeroes}) != 0;
    if (unknown || (value & fixed_newstyle) == 0) {
        throw protocol_error("this is no NBD client, or one of before 2013: its first four bytes are wrong");
    }
    zeroes_wanted_ = (value & no_zeroes) == 0;
}

bool negotiation::handle_option() {
    complaint_.clear();
    std::optional<option_header> header = parse_option(in_.read<option_header_size>());
    if (!header) {
        throw protocol_error("an option does not begin with IHAVEOPT");
    }
    if (static_cast<option>(header->code) == option::export_name) {
        return handle_export_name(header->length);
    }
    if (header->length > maximum_option_data) {
        refuse(
            *header, option_reply::error_too_big,
            fmt::format("option {} brings {} bytes, more than {}", header->code, header->length, maximum_option_data));
        throw protocol_error(complaint_);
    }
    std::vector<std::byte> data(header->length);
    in_.read(data, true);
    switch (static_cast<option>(header->code)) {
        case option::abort:
            try {
                reply(*header, option_reply::ack);
            } catch (std::system_error const&) {
                return true;  // a client need not wait for that answer
            }
            return true;
        case option::list:
            handle_list(*header, data);
            return false;
        case option::info:
        case option::go:
            return handle_info(*header, data);
        case option::structured_reply:
            if (!data.empty()) {
                refuse(*header, option_reply::error_invalid, "STRUCTURED_REPLY with data");
            } else {
                agreed_.structured_replies = true;
                reply(*header, option_reply::ack);
            }
            return false;
        default:
            reply(*header, option_reply::error_unsupported);  // newer clients ask for much: no mistake
            return false;
    }
}

/// The oldest way to choose: it can't be refused but by ending the connection.
bool negotiation::handle_export_name(std::uint32_t length) {
    if (length > maximum_name) {
        throw protocol_error(fmt::format("EXPORT_NAME with a name of {} bytes, more than {}", length, maximum_name));
    }
    std::vector<std::byte> name(length);
    in_.read(name, true);
    agreed_.chosen = find(images_, {reinterpret_cast<char const*>(name.data()), name.size()});
    if (agreed_.chosen == nullptr) {
        throw protocol_error(fmt::format("there is no export {}", quoted(name)));
    }
    message answer;
    answer.u64(agreed_.chosen->size()).u16(flags_of(*agreed_.chosen)).zeros(zeroes_wanted_ ? 124 : 0);
    stream_.write_all(answer.data());
    return true;
}

void negotiation::handle_list(option_header const& header, bytes data) {
    if (!data.empty()) {
        refuse(header, option_reply::error_invalid, "LIST with data");
        return;
    }
    for (image const& each : images_) {
        message entry;
        entry.u32(static_cast<std::uint32_t>(each.name().size())).text(each.name());
        reply(header, option_reply::server, entry.data());
    }
    reply(header, option_reply::ack);
}

bool negotiation::handle_info(option_header const& header, bytes data) {
    std::optional<info_request> asked = parse_info(data);
    if (!asked) {
        refuse(header, option_reply::error_invalid, "INFO or GO whose lengths do not fit each other");
        return false;
    }
    image* chosen = find(images_, asked->name);
    if (chosen == nullptr) {
        refuse(header, option_reply::error_unknown, fmt::format("there is no export \"{}\"", asked->name));
        return false;
    }
    describe(header, *chosen, *asked);
    reply(header, option_reply::ack);
    if (static_cast<option>(header.code) != option::go) {
        return false;
    }
    agreed_.chosen = chosen;
    return true;
}

void negotiation::describe(option_header const& header, image const& chosen, info_request const& asked) {
    message about;
    about.u16(static_cast<std::uint16_t>(info::whole_export)).u64(chosen.size()).u16(flags_of(chosen));
    reply(header, option_reply::info, about.data());

    message sizes;
    sizes.u16(static_cast<std::uint16_t>(info::block_size)).u32(1).u32(4096).u32(maximum_payload);
    reply(header, option_reply::info, sizes.data());

    for (std::uint16_t wanted : asked.wanted) {
        if (wanted == static_cast<std::uint16_t>(info::name)) {
            reply(header, option_reply::info, message().u16(wanted).text(chosen.name()).data());
        }
    }
}

void negotiation::reply(option_header const& header, option_reply type, bytes data) {
    message head;
    head.u64(option_reply_magic)
        .u32(header.code)
        .u32(static_cast<std::uint32_t>(type))
        .u32(static_cast<std::uint32_t>(data.size()));
    iovec parts[] = {{const_cast<std::byte*>(head.data().data()), head.data().size()},
                     {const_cast<std::byte*>(data.data()), data.size()}};
    std::error_code ec;
    stream_.write_all(parts, ec);
    if (ec) {
        throw std::system_error(ec, "write");
    }
}

void negotiation::refuse(option_header const& header, option_reply type, std::string const& why) {
    complaint_ = why;
    reply(header, type, message().text(why).data());
}

std::uint16_t negotiation::flags_of(image const& chosen) const {
    unsigned flags = has_flags | send_flush | send_fua | can_multi_conn | send_cache;
    flags |= chosen.read_only() ? unsigned{read_only} : unsigned{send_trim | send_write_zeroes};
    flags |= agreed_.structured_replies ? unsigned{send_df} : 0U;
    return static_cast<std::uint16_t>(flags);
}

}  // namespace detail
}  // namespace nbd
