// The first part of a connection: client and server agree on an export.

#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/socket.hpp>

#include "image.hpp"
#include "input.hpp"
#include "protocol.hpp"

namespace nbd {

/// The client sent what the protocol does not allow; the connection has to end.
struct protocol_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct agreement {
    image* chosen = nullptr;
    form replies = form::simple;
    bool block_status = false;  ///< With base:allocation.
};

/// Finds the image with that name; the empty name means the first one. nullptr if there is none.
[[nodiscard]] image* find(std::vector<image>& images, std::string_view name);

/// Talks with the client until it has chosen an export; nullopt if it left without one.
/// `complain` is called with each mistake that the client made and was told of. A client that asks too much is cut off.
/// Throws protocol_error, end_of_input, std::system_error. Suspends.
template <class Complain>
std::optional<agreement> negotiate(weft::stream& stream, input& in, std::vector<image>& images, Complain complain);

namespace detail {

class negotiation {
public:
    negotiation(weft::stream& stream, input& in, std::vector<image>& images)
        : stream_(stream), in_(in), images_(images) {}

    /// Exchanges the first words.
    void greet();
    /// Handles one option. Returns true when the connection's first part is over.
    bool handle_option();

    [[nodiscard]] agreement const& result() const { return agreed_; }
    /// The client's last mistake, if it made one in the last option.
    [[nodiscard]] std::string const& complaint() const { return complaint_; }

private:
    bool handle_export_name(std::uint32_t length);
    bool handle_info(option_header const& header, bytes data);
    void handle_list(option_header const& header, bytes data);
    void handle_form(option_header const& header, bytes data, form wanted);
    void handle_meta_context(option_header const& header, bytes data);
    void choose(image& chosen);
    void abort(option_header const& header);
    void describe(option_header const& header, image const& chosen, info_request const& asked);

    void reply(option_header const& header, option_reply type, bytes data = {});
    void refuse(option_header const& header, option_reply type, std::string const& why);
    [[nodiscard]] std::uint16_t flags_of(image const& chosen) const;

    weft::stream& stream_;
    input& in_;
    std::vector<image>& images_;
    agreement agreed_;
    image* context_for_ = nullptr;  ///< The export that base:allocation was selected for.
    std::size_t options_ = 0;
    bool zeroes_wanted_ = true;
    std::string complaint_;
};

}  // namespace detail

template <class Complain>
std::optional<agreement> negotiate(weft::stream& stream, input& in, std::vector<image>& images, Complain complain) {
    detail::negotiation talk(stream, in, images);
    talk.greet();
    for (bool over = false; !over;) {
        over = talk.handle_option();
        if (!talk.complaint().empty()) {
            complain(talk.complaint());
        }
    }
    return talk.result().chosen == nullptr ? std::nullopt : std::optional(talk.result());
}

}  // namespace nbd
