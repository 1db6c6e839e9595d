#include "negotiation.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "log.hpp"

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

/// How many options a client may send, beyond some for each export. Clients need a handful.
constexpr std::size_t most_options = 64;

std::string_view text_of(bytes data) {
    return {reinterpret_cast<char const*>(data.data()), data.size()};
}

}  // namespace

void negotiation::greet() {
    stream_.write_all(message().u64(init_magic).u64(option_magic).u16(fixed_newstyle | no_zeroes).data());
    auto flags = in_.read<4>();
    auto value = std::to_integer<unsigned>(flags[3]);
    bool unknown = flags[0] != std::byte{0} || flags[1] != std::byte{0} || flags[2] != std::byte{0} ||
                   (value & ~unsigned{fixed_newstyle | no_zeroes}) != 0;
    if (unknown) {  // of flags that it knows a client need set none: those of before 2013 send zeros
        throw protocol_error("this is no NBD client: its first four bytes are wrong");
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
    if (++options_ > most_options + 8 * images_.size()) {
        throw protocol_error(fmt::format("has sent {} options and not chosen an export", options_));
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
            abort(*header);
            return true;
        case option::list:
            handle_list(*header, data);
            return false;
        case option::info:
        case option::go:
            return handle_info(*header, data);
        case option::structured_reply:
            handle_form(*header, data, form::structured);
            return false;
        case option::extended_headers:
            handle_form(*header, data, form::extended);
            return false;
        case option::list_meta_context:
        case option::set_meta_context:
            handle_meta_context(*header, data);
            return false;
        default:
            reply(*header, option_reply::error_unsupported);  // newer clients ask for much: no mistake
            return false;
    }
}

void negotiation::abort(option_header const& header) {
    try {
        reply(header, option_reply::ack);
    } catch (std::system_error const&) {
        return;  // a client need not wait for that answer
    }
}

/// The oldest way to choose: it can't be refused but by ending the connection.
bool negotiation::handle_export_name(std::uint32_t length) {
    if (length > maximum_name) {
        throw protocol_error(fmt::format("EXPORT_NAME with a name of {} bytes, more than {}", length, maximum_name));
    }
    std::vector<std::byte> name(length);
    in_.read(name, true);
    image* chosen = find(images_, text_of(name));
    if (chosen == nullptr) {
        throw protocol_error(fmt::format("there is no export {}", in_quotes(text_of(name))));
    }
    choose(*chosen);
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
        entry.u32(static_cast<std::uint32_t>(each.name().size())).text(each.name()).text(each.description());
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
        refuse(header, option_reply::error_unknown, fmt::format("there is no export {}", in_quotes(asked->name)));
        return false;
    }
    describe(header, *chosen, *asked);
    reply(header, option_reply::ack);
    if (static_cast<option>(header.code) != option::go) {
        return false;
    }
    choose(*chosen);
    return true;
}

/// The contexts that were selected for another export don't count.
void negotiation::choose(image& chosen) {
    agreed_.chosen = &chosen;
    agreed_.block_status = context_for_ == &chosen;
}

void negotiation::handle_form(option_header const& header, bytes data, form wanted) {
    if (!data.empty()) {
        refuse(header, option_reply::error_invalid, fmt::format("option {} with data", header.code));
    } else if (wanted < agreed_.replies) {
        refuse(header, option_reply::error_extended_headers_required, "STRUCTURED_REPLY after EXTENDED_HEADERS");
    } else {
        agreed_.replies = wanted;
        reply(header, option_reply::ack);
    }
}

void negotiation::handle_meta_context(option_header const& header, bytes data) {
    bool set = static_cast<option>(header.code) == option::set_meta_context;
    context_for_ = set ? nullptr : context_for_;
    std::optional<meta_request> asked = parse_meta(data);
    if (!asked) {
        return refuse(header, option_reply::error_invalid, "metadata contexts whose lengths do not fit each other");
    }
    if (agreed_.replies == form::simple) {
        return refuse(header, option_reply::error_invalid, "metadata contexts before STRUCTURED_REPLY");
    }
    image* chosen = find(images_, asked->name);
    if (chosen == nullptr) {
        return refuse(header, option_reply::error_unknown,
                      fmt::format("there is no export {}", in_quotes(asked->name)));
    }
    bool wanted = (!set && asked->queries.empty()) ||
                  std::any_of(asked->queries.begin(), asked->queries.end(), [&](std::string const& query) {
                      return query == allocation_context || (!set && query == "base:");
                  });
    if (wanted) {
        std::uint32_t id = set ? allocation_context_id : 0;
        reply(header, option_reply::meta_context, message().u32(id).text(allocation_context).data());
        context_for_ = set ? chosen : context_for_;
    }
    reply(header, option_reply::ack);
}

void negotiation::describe(option_header const& header, image const& chosen, info_request const& asked) {
    message about;
    about.u16(static_cast<std::uint16_t>(info::whole_export)).u64(chosen.size()).u16(flags_of(chosen));
    reply(header, option_reply::info, about.data());

    message sizes;
    sizes.u16(static_cast<std::uint16_t>(info::block_size)).u32(1).u32(4096).u32(maximum_payload);
    reply(header, option_reply::info, sizes.data());

    auto tell = [&](info what, std::string const& text) {
        auto type = static_cast<std::uint16_t>(what);
        if (std::find(asked.wanted.begin(), asked.wanted.end(), type) != asked.wanted.end() && !text.empty()) {
            reply(header, option_reply::info, message().u16(type).text(text).data());
        }
    };
    tell(info::name, chosen.name());
    tell(info::description, chosen.description());
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
    flags |= chosen.read_only() ? unsigned{read_only} : unsigned{send_trim | send_write_zeroes | send_fast_zero};
    flags |= agreed_.replies != form::simple ? unsigned{send_df} : 0U;
    return static_cast<std::uint16_t>(flags);
}

}  // namespace detail
}  // namespace nbd
