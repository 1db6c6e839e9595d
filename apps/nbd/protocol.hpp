// The NBD protocol: its numbers and its messages, as bytes. Nothing here waits or does I/O.
// Source: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nbd {

using bytes = std::span<std::byte const>;

inline constexpr std::uint64_t init_magic = 0x4e42444d41474943;    // "NBDMAGIC"
inline constexpr std::uint64_t option_magic = 0x49484156454f5054;  // "IHAVEOPT"
inline constexpr std::uint64_t option_reply_magic = 0x0003e889045565a9;
inline constexpr std::uint32_t request_magic = 0x25609513;
inline constexpr std::uint32_t extended_request_magic = 0x21e41c71;
inline constexpr std::uint32_t simple_reply_magic = 0x67446698;
inline constexpr std::uint32_t structured_reply_magic = 0x668e33ef;
inline constexpr std::uint32_t extended_reply_magic = 0x6e8a278c;

/// The most that one request may read or write.
inline constexpr std::uint32_t maximum_payload = 32 << 20;
/// The most that is read and dropped of a request that is too long. One that brings more ends the connection.
inline constexpr std::uint32_t maximum_dropped = 2 * maximum_payload;
/// The most data that an option may bring. Names have at most 4,096 bytes.
inline constexpr std::uint32_t maximum_option_data = 64 << 10;
inline constexpr std::uint32_t maximum_name = 4096;

enum handshake_flag : std::uint16_t { fixed_newstyle = 1, no_zeroes = 2 };

enum class option : std::uint32_t {
    export_name = 1,
    abort = 2,
    list = 3,
    info = 6,
    go = 7,
    structured_reply = 8,
    list_meta_context = 9,
    set_meta_context = 10,
    extended_headers = 11
};

enum class option_reply : std::uint32_t {
    ack = 1,
    server = 2,
    info = 3,
    meta_context = 4,
    error_unsupported = 0x80000001,
    error_policy = 0x80000002,
    error_invalid = 0x80000003,
    error_unknown = 0x80000006,
    error_too_big = 0x80000009,
    error_extended_headers_required = 0x8000000a
};

enum class info : std::uint16_t { whole_export = 0, name = 1, description = 2, block_size = 3 };

enum transmission_flag : std::uint16_t {
    has_flags = 1 << 0,
    read_only = 1 << 1,
    send_flush = 1 << 2,
    send_fua = 1 << 3,
    send_trim = 1 << 5,
    send_write_zeroes = 1 << 6,
    send_df = 1 << 7,
    can_multi_conn = 1 << 8,
    send_cache = 1 << 10,
    send_fast_zero = 1 << 11
};

enum class command : std::uint16_t {
    read = 0,
    write = 1,
    disconnect = 2,
    flush = 3,
    trim = 4,
    cache = 5,
    write_zeroes = 6,
    block_status = 7
};

enum command_flag : std::uint16_t {
    fua = 1 << 0,
    no_hole = 1 << 1,
    df = 1 << 2,
    req_one = 1 << 3,
    fast_zero = 1 << 4,
    payload_length = 1 << 5
};

/// The only metadata context that there is, and its number.
inline constexpr std::string_view allocation_context = "base:allocation";
inline constexpr std::uint32_t allocation_context_id = 1;

/// What base:allocation tells of a range.
enum allocation_flag : std::uint8_t { is_hole = 1, reads_zero = 2 };

/// The errors that the protocol knows, by its numbers.
enum class error : std::uint32_t {
    none = 0,
    not_permitted = 1,
    io = 5,
    no_memory = 12,
    invalid = 22,
    no_space = 28,
    overflow = 75,
    not_supported = 95,
    shutdown = 108
};

enum chunk_flag : std::uint16_t { chunk_done = 1 };
enum class chunk : std::uint16_t {
    none = 0,
    offset_data = 1,
    block_status = 5,
    block_status_extended = 6,
    error = 0x8001
};

/// The form of requests and replies that client and server have agreed on.
enum class form : std::uint8_t { simple, structured, extended };

struct option_header {
    std::uint32_t code;
    std::uint32_t length;
};

struct request {
    std::uint16_t flags;
    command type;  ///< Also one that there is not; see known().
    std::uint64_t cookie;
    std::uint64_t offset;
    std::uint64_t length;
};

/// What INFO and GO ask for.
struct info_request {
    std::string name;
    std::vector<std::uint16_t> wanted;
};

/// What LIST_META_CONTEXT and SET_META_CONTEXT ask for.
struct meta_request {
    std::string name;
    std::vector<std::string> queries;
};

inline constexpr std::size_t option_header_size = 16;
inline constexpr std::size_t request_size = 28;
inline constexpr std::size_t extended_request_size = 32;

/// nullopt: the magic number is wrong.
[[nodiscard]] std::optional<option_header> parse_option(std::span<std::byte const, option_header_size> data);
[[nodiscard]] std::optional<request> parse_request(std::span<std::byte const, request_size> data);
[[nodiscard]] std::optional<request> parse_extended_request(std::span<std::byte const, extended_request_size> data);
/// nullopt: the lengths in it do not fit each other.
[[nodiscard]] std::optional<info_request> parse_info(bytes data);
[[nodiscard]] std::optional<meta_request> parse_meta(bytes data);

/// How many bytes follow the request.
[[nodiscard]] std::uint64_t payload_of(request const& r, form f);

/// What a request is checked against.
struct terms {
    std::uint64_t export_size = 0;
    bool read_only = false;
    form replies = form::simple;
    bool block_status = false;  ///< base:allocation was agreed on.
};

struct refusal {
    error code;
    std::string why;
};

/// Why a request can't be served, if that can be told from the request alone.
[[nodiscard]] std::optional<refusal> check(request const& r, terms const& t);

/// "read", "write", ..., or "command 17".
[[nodiscard]] std::string name_of(command type);

/// Whether the command is one of those that this server knows.
[[nodiscard]] bool known(command type);

/// Builds a message in network byte order.
class message {
public:
    message& u16(std::uint16_t value) { return number(value); }
    message& u32(std::uint32_t value) { return number(value); }
    message& u64(std::uint64_t value) { return number(value); }
    message& text(std::string_view value);
    message& zeros(std::size_t count);

    [[nodiscard]] bytes data() const { return data_; }

private:
    template <class Number>
    message& number(Number value) {
        for (std::size_t shift = sizeof(Number) * 8; shift > 0; shift -= 8) {
            data_.push_back(static_cast<std::byte>(value >> (shift - 8)));
        }
        return *this;
    }

    std::vector<std::byte> data_;
};

/// The head of a reply to a request; a read's data or a range's status follows it.
struct reply_head {
    std::array<std::byte, 48> data;
    std::size_t size = 0;
    [[nodiscard]] bytes span() const { return bytes(data).first(size); }
};

[[nodiscard]] reply_head done(form f, request const& r);
[[nodiscard]] reply_head failed(form f, request const& r, error e);
/// All of the read's data follows.
[[nodiscard]] reply_head data_follows(form f, request const& r);
/// `count` descriptors of base:allocation follow; see add_extent(). Not of the simple form.
[[nodiscard]] reply_head status_follows(form f, request const& r, std::size_t count);
void add_extent(message& to, form f, std::uint64_t length, unsigned flags);

}  // namespace nbd
