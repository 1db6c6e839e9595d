#include "connection.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <weft/limit.hpp>
#include <weft/shield.hpp>

#include "log.hpp"

namespace nbd {
namespace {

/// A connection's own part of the memory: the most of one piece. It holds any request that clients send as a rule.
constexpr std::int64_t own_memory = 256 << 10;
/// The most that one connection takes of what all share.
constexpr std::int64_t shared_memory_each = 16 << 20;
/// The longest request whose data is held in one piece.
constexpr std::uint64_t largest_whole = 4 << 20;
/// From here on a read's data goes from the page cache to the socket without a copy (docs/decisions/0021-large-reads.md).
constexpr std::uint64_t large_read = 64 << 10;
/// How many requests of one client are begun before the others have their turn.
constexpr std::uint64_t most_in_a_row = 16;
/// Who makes mistakes without end is answered slowly, so that others don't pay for it.
constexpr std::chrono::milliseconds pause_for_mistakes{2};
/// How many parts of a range one reply tells of.
constexpr std::size_t most_extents = 2048;

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

std::int64_t units(std::size_t bytes) {
    return static_cast<std::int64_t>(bytes);
}

}  // namespace

connection::connection(weft::stream stream, std::string who, service& shared, counters& counts)
    : stream_(std::move(stream)),
      who_(std::move(who)),
      shared_(shared),
      counts_(counts),
      in_flight_(shared.limits.max_in_flight, shared.limits.max_in_flight),
      own_memory_(own_memory, own_memory),
      shared_memory_(shared_memory_each, shared_memory_each) {}

connection::~connection() {
    try {
        tell_what_was_left_out();
    } catch (std::bad_alloc const&) {
        lose_log_line();
    }
}

void connection::serve() {
    try {
        if (come_to_terms()) {
            serve_requests();
        }
    } catch (end_of_input const& e) {
        if (e.in_the_middle) {
            complain(e.what());
        }
    } catch (std::system_error const& e) {
        if (e.code() != std::errc::operation_canceled) {
            complain(e.what());
        }
    } catch (std::exception const& e) {
        complain(e.what());
    }
    if (out_.failure() == std::errc::io_error) {
        ++counts_.errors;
        complain("cut, as the image became shorter, or could not be read, while a reply was on its way");
    }
}

/// Talks with the client about what it wants. False: it left without an export.
bool connection::come_to_terms() {
    std::optional<agreement> agreed;
    std::string said;
    auto tell = [&](std::string const& what) {
        if (std::exchange(said, what) != what) {  // clients that ask for INFO and then GO are refused twice
            complain(what);
        }
    };
    bool in_time =
        weft::within(shared_.limits.negotiation, [&] { agreed = negotiate(stream_, in_, shared_.images, tell); });
    if (!in_time) {
        complain(fmt::format("has not chosen an export within {} seconds", shared_.limits.negotiation.count()));
    }
    if (!in_time || !agreed) {
        return false;
    }
    image_ = agreed->chosen;
    terms_ = {.export_size = image_->size(),
              .read_only = image_->read_only(),
              .replies = agreed->replies,
              .block_status = agreed->block_status};
    return true;
}

void connection::serve_requests() {
    struct finisher {
        weft::scope& requests;
        ~finisher() {
            weft::shield guard;
            requests.join();
        }
    } finish_what_was_begun{requests_};
    for (std::uint64_t number = 1;; ++number) {
        if (number % most_in_a_row == 0) {
            weft::yield();  // to the other clients
        }
        share slot(in_flight_, 1);
        request r = next_request();
        if (r.type == command::disconnect) {
            return;
        }
        begin(r, std::move(slot));
    }
}

request connection::next_request() {
    auto r = terms_.replies == form::extended ? parse_extended_request(in_.read<extended_request_size>())
                                              : parse_request(in_.read<request_size>());
    if (!r) {
        throw protocol_error(
            fmt::format("export \"{}\": a request does not begin with its magic number", image_->name()));
    }
    return *r;
}

/// Takes what comes with the request, and has a coroutine of its own do the rest.
void connection::begin(request const& r, share slot) {
    claim payload;
    if (std::uint64_t size = payload_of(r, terms_.replies); size > 0) {
        if (check(r, terms_)) {
            drop(r, size);  // and is refused below, as others are
        } else if (payload = try_to_claim(size); payload.of_all) {
            in_.read(payload.memory.span(), true);
        } else {
            return write_by_pieces(r);
        }
    }
    bool begun = false;
    try {
        requests_.spawn({.name = "request"}, [this, r, slot = std::move(slot), payload = std::move(payload)] {
            handle(r, payload.memory.span());
        });
        begun = true;
    } catch (std::exception const&) {
        begun = false;  // there is no memory for a stack
    }
    if (!begun) {
        ++counts_.requests;
        finish(r, std::make_error_code(std::errc::not_enough_memory));
    }
}

/// Reads what comes with a request that will be refused, if that has an end.
void connection::drop(request const& r, std::uint64_t size) {
    if (size > maximum_dropped) {
        throw protocol_error(
            fmt::format("export \"{}\": {} that brings {} bytes", image_->name(), name_of(r.type), size));
    }
    in_.skip(size);
}

/// A write for whose data there is no room at once. The client's next requests wait meanwhile.
void connection::write_by_pieces(request const& r) {
    one_more in_flight(counts_.in_flight);
    ++counts_.requests;
    std::error_code ec;
    claim room = claim_piece(r.length, ec);
    std::uint64_t done = 0;
    while (done < r.length && !ec) {
        auto piece = room.memory.span();
        piece = piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), r.length - done)));
        in_.read(piece, true);
        weft::shield what_was_begun_is_finished;
        image_->write(piece, r.offset + done, false, ec);
        done += piece.size();
    }
    in_.skip(r.length - done);  // what comes behind an error
    weft::shield what_was_begun_is_finished;
    sync_if_asked(r, ec);
    counts_.bytes_written += ec ? 0 : r.length;
    finish(r, ec);
}

/// From here on the request is on its own.
void connection::handle(request const& r, std::span<std::byte const> payload) {
    one_more in_flight(counts_.in_flight);
    ++counts_.requests;
    // A client that moves much is busy with that for longer than it takes to wake up.
    weft::loop::current().set_spin(r.length < large_read ? shared_.limits.spin : std::chrono::microseconds(0));
    try {
        if (auto why = check(r, terms_)) {
            refuse(r, *why);
        } else {
            carry_out(r, payload);
        }
    } catch (std::exception const&) {  // nothing that was sent throws: so it was not answered yet
        finish(r, std::make_error_code(std::errc::not_enough_memory));
    }
}

void connection::carry_out(request const& r, std::span<std::byte const> payload) {
    switch (r.type) {
        case command::read:
            return read(r);
        case command::write:
            return write(r, payload);
        case command::flush:
            return flush(r);
        case command::trim:
            return trim(r);
        case command::write_zeroes:
            return write_zeroes(r);
        case command::cache:
            return cache(r);
        case command::block_status:
            return tell_status(r);
        case command::disconnect:
            return;
    }
}

void connection::read(request const& r) {
    std::error_code ec;
    if (r.length >= large_read) {
        if (!image_->is_cached(r.offset, r.length)) {
            fetch(r, ec);
        }
        if (ec) {
            return finish(r, ec);
        }
        counts_.bytes_read += r.length;
        return out_.send_file(data_follows(terms_.replies, r), image_->file(), r.offset, r.length);
    }
    claim room = claim_piece(r.length, ec);
    if (!ec) {
        image_->read(room.memory.span(), r.offset, ec);
    }
    if (ec || r.length == 0) {
        return finish(r, ec);
    }
    counts_.bytes_read += r.length;
    out_.send(data_follows(terms_.replies, r), room.memory.span());
}

/// Reads a range from the medium, so that it is in the page cache.
void connection::fetch(request const& r, std::error_code& ec) {
    claim room = claim_piece(r.length, ec);
    for (std::uint64_t done = 0; done < r.length && !ec;) {
        auto piece = room.memory.span();
        piece = piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), r.length - done)));
        image_->read(piece, r.offset + done, ec);
        done += piece.size();
    }
}

void connection::write(request const& r, std::span<std::byte const> payload) {
    std::error_code ec;
    image_->write(payload, r.offset, (r.flags & fua) != 0, ec);
    counts_.bytes_written += ec ? 0 : r.length;
    finish(r, ec);
}

void connection::flush(request const& r) {
    std::error_code ec;
    image_->sync(ec);
    finish(r, ec);
}

void connection::trim(request const& r) {
    std::error_code ec;
    image_->trim(r.offset, r.length, ec);
    sync_if_asked(r, ec);
    finish(r, ec);
}

void connection::write_zeroes(request const& r) {
    std::error_code ec;
    auto how = (r.flags & no_hole) != 0 ? image::zeroing::keep_allocated : image::zeroing::any;
    bool fast = (r.flags & fast_zero) != 0;
    image_->write_zeroes(r.offset, r.length, how, fast, ec);
    if (fast && (ec == std::errc::operation_not_supported || ec == std::errc::not_supported)) {
        return out_.send(failed(terms_.replies, r, error::not_supported));  // as agreed: no fault
    }
    sync_if_asked(r, ec);
    finish(r, ec);
}

void connection::cache(request const& r) {
    std::error_code ec;
    if (r.length > 0) {
        image_->read_ahead(r.offset, r.length);
    }
    finish(r, ec);
}

void connection::tell_status(request const& r) {
    auto found = image_->extents(r.offset, r.length, (r.flags & req_one) != 0 ? 1 : most_extents);
    message descriptors;
    for (extent const& each : found) {
        add_extent(descriptors, terms_.replies, each.length, each.hole ? is_hole | reads_zero : 0U);
    }
    out_.send(status_follows(terms_.replies, r, found.size()), descriptors.data());
}

/// What FUA asks for, where the request's own call can't do it.
void connection::sync_if_asked(request const& r, std::error_code& ec) {
    if (!ec && (r.flags & fua) != 0) {
        image_->sync(ec);
    }
}

/// Answers a request that has no data to send. Needs no memory: that there is none is one of the answers.
void connection::finish(request const& r, std::error_code const& ec) {
    if (!ec) {
        return out_.send(done(terms_.replies, r));
    }
    ++counts_.errors;
    complain_or_pause([&] {
        return fmt::format("{} of {} bytes at {} failed: {}", name_of(r.type), r.length, r.offset, ec.message());
    });
    out_.send(failed(terms_.replies, r, to_protocol(ec)));
}

void connection::refuse(request const& r, refusal const& why) {
    complain_or_pause([&] { return why.why; });
    out_.send(failed(terms_.replies, r, why.code));
}

/// `what()` makes the line, if one may be written. Throws nothing.
template <class What>
void connection::complain_or_pause(What what) {
    try {
        if (complaints_.has_room()) {
            complain(fmt::format("export \"{}\": {}", image_->name(), what()));
        } else {
            complaints_.leave_out(1);
            weft::sleep_for(pause_for_mistakes);
        }
    } catch (std::bad_alloc const&) {
        lose_log_line();
    } catch (std::system_error const&) {
        return;  // the pause was ended, as the server stops
    }
}

/// Memory of what all share; none if there is not enough.
connection::claim connection::try_to_claim(std::uint64_t size) {
    claim taken;
    if (size <= largest_whole) {
        auto amount = units(memory_for(static_cast<std::size_t>(size)));
        if (auto mine = share::attempt(shared_memory_, amount)) {
            if (auto of_all = share::attempt(shared_.memory, amount)) {
                try {
                    taken.memory = buffer(shared_.buffers, static_cast<std::size_t>(size));
                    taken.of_mine = std::move(mine);
                    taken.of_all = std::move(of_all);
                } catch (std::bad_alloc const&) {
                    taken.memory = buffer();  // in pieces, then
                }
            }
        }
    }
    return taken;
}

/// Memory for `size` bytes, or for the largest piece of them. It is of what all share, or else of the connection's own, for
/// which other requests of this client are waited for.
connection::claim connection::claim_piece(std::uint64_t size, std::error_code& ec) {
    auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(size, own_memory));
    claim taken = try_to_claim(piece);
    if (!taken.of_all) {
        taken.of_mine = share(own_memory_, units(memory_for(piece)));
        try {
            taken.memory = buffer(shared_.buffers, piece);
        } catch (std::bad_alloc const&) {
            ec = std::make_error_code(std::errc::not_enough_memory);
        }
    }
    return taken;
}

void connection::complain(std::string_view what) noexcept {
    try {
        if (!complaints_.allow()) {
            return;
        }
        tell_what_was_left_out();
        if (shared_.complaints.allow()) {
            shared_.tell_what_was_left_out();
            log("{}: {}", who_, what);
        }
    } catch (std::bad_alloc const&) {
        lose_log_line();
    }
}

void connection::tell_what_was_left_out() {
    std::uint64_t mine = complaints_.take_left_out();
    if (mine > 0 && shared_.complaints.allow_uncounted()) {
        log("{}: and {} more", who_, counted(mine, "line"));
    } else {
        shared_.complaints.leave_out(mine);
    }
}

}  // namespace nbd
