#include "connection.hpp"

#include <fmt/core.h>
#include <weft/shield.hpp>

#include "log.hpp"

namespace nbd {
namespace {

/// Twice the largest request, so that one that is large does not stop all others.
constexpr std::int64_t memory_per_connection = 2 * std::int64_t{maximum_payload};

error to_protocol(std::error_code const& ec) {
    if (ec == std::errc::no_space_on_device || ec == std::errc::file_too_large || ec.value() == EDQUOT) {
        return error::no_space;
    }
    if (ec == std::errc::operation_not_permitted || ec == std::errc::read_only_file_system) {
        return error::not_permitted;
    }
    if (ec == std::errc::not_enough_memory) {
        return error::no_memory;
    }
    return error::io;
}

bool cancelled(std::system_error const& e) {
    return e.code() == std::errc::operation_canceled;
}

/// Units of a semaphore, given back at the end.
class share {
public:
    share(weft::semaphore& of, std::int64_t amount) : of_(&of), amount_(amount) { of.acquire(amount); }
    share(share&& other) noexcept : of_(std::exchange(other.of_, nullptr)), amount_(other.amount_) {}
    share& operator=(share&&) = delete;
    ~share() {
        if (of_ != nullptr) {
            of_->release(amount_);
        }
    }

private:
    weft::semaphore* of_;
    std::int64_t amount_;
};

std::int64_t memory_for(request const& r) {
    auto type = static_cast<command>(r.type);
    bool moves_data = type == command::read || type == command::write;
    return moves_data && r.length <= maximum_payload ? r.length : 0;
}

}  // namespace

connection::connection(weft::stream stream, std::string who, std::vector<image>& images, buffer_pool& buffers,
                       statistics& counts, std::int64_t max_in_flight)
    : stream_(std::move(stream)),
      who_(std::move(who)),
      images_(images),
      buffers_(buffers),
      counts_(counts),
      in_flight_(max_in_flight, max_in_flight),
      memory_(memory_per_connection, memory_per_connection) {}

void connection::serve() {
    try {
        std::string said;
        auto agreed = negotiate(stream_, in_, images_, [&](std::string const& what) {
            if (std::exchange(said, what) != what) {  // clients that ask for INFO and then GO are refused twice
                complain(what);
            }
        });
        if (!agreed) {
            return;
        }
        image_ = agreed->chosen;
        structured_replies_ = agreed->structured_replies;
        serve_requests();
    } catch (end_of_input const& e) {
        if (e.in_the_middle) {
            complain(e.what());
        }
    } catch (protocol_error const& e) {
        complain(e.what());
    } catch (std::system_error const& e) {
        if (!cancelled(e)) {
            complain(e.what());
        }
    }
}

void connection::serve_requests() {
    struct finisher {
        weft::scope& requests;
        ~finisher() {
            weft::shield guard;
            requests.join();
        }
    } finish_what_was_begun{requests_};
    while (serve_next_request()) {
    }
}

/// Reads a request and starts to handle it. Returns false when the client says goodbye.
bool connection::serve_next_request() {
    share slot(in_flight_, 1);
    std::optional<request> r = parse_request(in_.read<request_size>());
    if (!r) {
        throw protocol_error(
            fmt::format("export \"{}\": a request does not begin with its magic number", image_->name()));
    }
    if (static_cast<command>(r->type) == command::disconnect) {
        return false;
    }
    share memory(memory_, memory_for(*r));
    buffer payload;
    if (static_cast<command>(r->type) == command::write) {
        if (r->length > maximum_payload) {
            in_.skip(r->length);
        } else {
            payload = buffer(buffers_, r->length);
            in_.read(payload.span(), true);
        }
    }
    requests_.spawn({.name = "request"}, [this, r = *r, payload = std::move(payload), slot = std::move(slot),
                                          memory = std::move(memory)]() mutable { handle(r, std::move(payload)); });
    return true;
}

void connection::handle(request const& r, buffer payload) {
    ++counts_.requests;
    ++counts_.in_flight;
    if (error e = check(r, image_->size(), image_->read_only()); e != error::none) {
        complain(describe(r));
        reply(r, e);
    } else {
        if (static_cast<command>(r.type) == command::read) {
            payload = buffer(buffers_, r.length);
        }
        if (std::error_code failed = carry_out(r, payload)) {
            ++counts_.errors;
            complain(fmt::format("export \"{}\": {} of {} bytes at {} failed: {}", image_->name(), name_of(r.type),
                                 r.length, r.offset, failed.message()));
            reply(r, to_protocol(failed));
        } else if (static_cast<command>(r.type) == command::read) {
            counts_.bytes_read += r.length;
            reply(r, error::none, payload.span());
        } else {
            counts_.bytes_written += static_cast<command>(r.type) == command::write ? r.length : 0;
            reply(r, error::none);
        }
    }
    --counts_.in_flight;
}

std::error_code connection::carry_out(request const& r, buffer const& payload) {
    std::error_code ec;
    bool durable = (r.flags & fua) != 0;
    switch (static_cast<command>(r.type)) {
        case command::read:
            image_->read(payload.span(), r.offset, ec);
            break;
        case command::write:
            image_->write(payload.span(), r.offset, durable, ec);
            break;
        case command::flush:
            image_->sync(ec);
            break;
        case command::trim:
            image_->trim(r.offset, r.length, ec);
            break;
        case command::write_zeroes:
            image_->write_zeroes(r.offset, r.length, (r.flags & no_hole) != 0, ec);
            break;
        case command::cache:
        case command::disconnect:
            break;
    }
    bool changes_space =
        static_cast<command>(r.type) == command::trim || static_cast<command>(r.type) == command::write_zeroes;
    if (durable && changes_space && !ec) {
        image_->sync(ec);
    }
    return ec;
}

void connection::reply(request const& r, error e, std::span<std::byte const> data) {
    if (!structured_replies_) {
        // The older form has no error for a length that is too large.
        out_.send(simple_reply(r.cookie, e == error::overflow ? error::invalid : e), data);
    } else if (e != error::none) {
        out_.send(structured_error(r.cookie, e));
    } else if (static_cast<command>(r.type) == command::read && !data.empty()) {
        out_.send(structured_data(r.cookie, r.offset, r.length), data);
    } else {
        out_.send(structured_done(r.cookie));
    }
}

void connection::complain(std::string const& what) const {
    log("{}: {}", who_, what);
}

/// What is wrong with a request that check() refused.
std::string connection::describe(request const& r) const {
    std::string what = fmt::format("export \"{}\": {}", image_->name(), name_of(r.type));
    switch (check(r, image_->size(), image_->read_only())) {
        case error::not_permitted:
            return what + ": the export is read-only";
        case error::overflow:
            return fmt::format("{} of {} bytes is longer than {}", what, r.length, maximum_payload);
        case error::invalid:
            if (!known(r.type)) {
                return what + ": there is no such command";
            }
            if (r.offset <= image_->size() && r.length <= image_->size() - r.offset) {
                return fmt::format("{}: flags {:#x} are not allowed", what, r.flags);
            }
            [[fallthrough]];
        default:
            return fmt::format("{} of {} bytes at {} runs past the end (size {})", what, r.length, r.offset,
                               image_->size());
    }
}

}  // namespace nbd
