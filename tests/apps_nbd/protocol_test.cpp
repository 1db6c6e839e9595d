#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "nbd/protocol.hpp"

namespace {

using enum nbd::command;

std::vector<std::byte> bytes_of(std::initializer_list<unsigned> values) {
    std::vector<std::byte> all;
    for (unsigned v : values) {
        all.push_back(static_cast<std::byte>(v));
    }
    return all;
}

std::vector<std::byte> copy(nbd::bytes data) {
    return {data.begin(), data.end()};
}

nbd::request request_for(nbd::command type, std::uint64_t offset, std::uint64_t length, unsigned flags = 0) {
    return {static_cast<std::uint16_t>(flags), type, 1, offset, length};
}

/// A request that replies are made for.
constexpr nbd::request a_request{
    .flags = 0, .type = read, .cookie = 0x0102030405060708, .offset = 0x1112131415161718, .length = 0x1000};

/// What parse_info() is to read.
nbd::message info_message(std::string_view name, std::initializer_list<std::uint16_t> wanted) {
    nbd::message m;
    m.u32(static_cast<std::uint32_t>(name.size())).text(name).u16(static_cast<std::uint16_t>(wanted.size()));
    for (std::uint16_t w : wanted) {
        m.u16(w);
    }
    return m;
}

TEST(parse_request, reads_all_fields) {
    auto data = bytes_of({0x25, 0x60, 0x95, 0x13, 0x00, 0x01, 0x00, 0x06,  // magic, flags, type
                          0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,  // cookie
                          0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88,  // offset
                          0x80, 0x00, 0x10, 0x00});                        // length
    auto r = nbd::parse_request(std::span<std::byte const, nbd::request_size>(data));
    ASSERT_TRUE(r);
    EXPECT_EQ(r->flags, nbd::fua);
    EXPECT_EQ(r->type, write_zeroes);
    EXPECT_EQ(r->cookie, 0x0102030405060708U);
    EXPECT_EQ(r->offset, 0xffeeddccbbaa9988U);
    EXPECT_EQ(r->length, 0x80001000U);
}

TEST(parse_request, refuses_a_wrong_magic_number) {
    auto data = copy(nbd::message().u32(nbd::request_magic + 1).zeros(24).data());
    EXPECT_FALSE(nbd::parse_request(std::span<std::byte const, nbd::request_size>(data)));
}

TEST(parse_request, reads_an_extended_one_with_its_long_length) {
    auto data = bytes_of({0x21, 0xe4, 0x1c, 0x71, 0x00, 0x20, 0x00, 0x07,  // magic, flags, type
                          0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,  // cookie
                          0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88,  // offset
                          0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18});
    auto r = nbd::parse_extended_request(std::span<std::byte const, nbd::extended_request_size>(data));
    ASSERT_TRUE(r);
    EXPECT_EQ(r->flags, nbd::payload_length);
    EXPECT_EQ(r->type, block_status);
    EXPECT_EQ(r->cookie, 0x0102030405060708U);
    EXPECT_EQ(r->offset, 0xffeeddccbbaa9988U);
    EXPECT_EQ(r->length, 0x1112131415161718U);
}

TEST(parse_request, refuses_the_other_form) {
    auto compact = copy(nbd::message().u32(nbd::request_magic).zeros(28).data());
    EXPECT_FALSE(nbd::parse_extended_request(std::span<std::byte const, nbd::extended_request_size>(compact)));
    auto extended = copy(nbd::message().u32(nbd::extended_request_magic).zeros(24).data());
    EXPECT_FALSE(nbd::parse_request(std::span<std::byte const, nbd::request_size>(extended)));
}

TEST(payload, follows_a_write_and_in_the_extended_form_what_says_so) {
    using enum nbd::form;
    EXPECT_EQ(nbd::payload_of(request_for(write, 0, 7), simple), 7U);
    EXPECT_EQ(nbd::payload_of(request_for(write, 0, 7), extended), 7U);
    EXPECT_EQ(nbd::payload_of(request_for(read, 0, 7), extended), 0U);
    EXPECT_EQ(nbd::payload_of(request_for(read, 0, 7, nbd::payload_length), extended), 7U);
    EXPECT_EQ(nbd::payload_of(request_for(read, 0, 7, nbd::payload_length), structured), 0U);
}

TEST(parse_option, reads_code_and_length) {
    auto data = copy(nbd::message().text("IHAVEOPT").u32(7).u32(0x01020304).data());
    auto header = nbd::parse_option(std::span<std::byte const, nbd::option_header_size>(data));
    ASSERT_TRUE(header);
    EXPECT_EQ(header->code, 7U);
    EXPECT_EQ(header->length, 0x01020304U);
}

TEST(parse_option, refuses_a_wrong_magic_number) {
    auto data = copy(nbd::message().text("IHAVEOPX").u32(7).u32(0).data());
    EXPECT_FALSE(nbd::parse_option(std::span<std::byte const, nbd::option_header_size>(data)));
}

TEST(parse_info, reads_the_name_and_what_is_wanted) {
    auto asked = nbd::parse_info(info_message("disk", {1, 3}).data());
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->name, "disk");
    EXPECT_EQ(asked->wanted, (std::vector<std::uint16_t>{1, 3}));
}

TEST(parse_info, takes_an_empty_name_and_no_wishes) {
    auto asked = nbd::parse_info(info_message("", {}).data());
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->name, "");
    EXPECT_TRUE(asked->wanted.empty());
}

TEST(parse_info, takes_the_longest_name) {
    auto asked = nbd::parse_info(info_message(std::string(4096, 'n'), {}).data());
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->name.size(), 4096U);
}

TEST(parse_info, refuses_a_longer_name) {
    EXPECT_FALSE(nbd::parse_info(info_message(std::string(4097, 'n'), {}).data()));
}

TEST(parse_info, refuses_each_message_that_is_cut_off) {
    nbd::message whole = info_message("disk", {1, 3});
    for (std::size_t size = 0; size < whole.data().size(); ++size) {
        EXPECT_FALSE(nbd::parse_info(whole.data().first(size))) << size;
    }
}

TEST(parse_info, refuses_what_is_too_long) {
    EXPECT_FALSE(nbd::parse_info(info_message("disk", {1}).zeros(1).data()));
}

TEST(parse_info, refuses_a_name_that_reaches_beyond_the_message) {
    EXPECT_FALSE(nbd::parse_info(nbd::message().u32(0xffffffff).zeros(6).data()));
    EXPECT_FALSE(nbd::parse_info(nbd::message().u32(5).text("disk").u16(0).data()));
}

TEST(parse_info, refuses_a_count_that_does_not_fit) {
    EXPECT_FALSE(nbd::parse_info(nbd::message().u32(0).u16(2).u16(1).data()));
    EXPECT_FALSE(nbd::parse_info(nbd::message().u32(0).u16(0xffff).data()));
}

/// What parse_meta() is to read.
nbd::message meta_message(std::string_view name, std::initializer_list<std::string_view> queries) {
    nbd::message m;
    m.u32(static_cast<std::uint32_t>(name.size())).text(name).u32(static_cast<std::uint32_t>(queries.size()));
    for (std::string_view q : queries) {
        m.u32(static_cast<std::uint32_t>(q.size())).text(q);
    }
    return m;
}

TEST(parse_meta, reads_the_name_and_the_queries) {
    auto parsed = nbd::parse_meta(meta_message("disk", {"base:", ""}).data());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->name, "disk");
    EXPECT_EQ(parsed->queries, (std::vector<std::string>{"base:", ""}));
}

TEST(parse_meta, refuses_each_message_that_is_cut_off_or_too_long) {
    nbd::message whole = meta_message("disk", {"base:allocation", "x"});
    for (std::size_t size = 0; size < whole.data().size(); ++size) {
        EXPECT_FALSE(nbd::parse_meta(whole.data().first(size))) << size;
    }
    EXPECT_FALSE(nbd::parse_meta(whole.zeros(1).data()));
    EXPECT_FALSE(nbd::parse_meta(nbd::message().u32(0).u32(0xffffffff).data()));
    EXPECT_FALSE(nbd::parse_meta(nbd::message().u32(0xffffffff).u32(0).data()));
}

struct check_case {
    char const* what;
    nbd::request request;
    bool read_only;
    nbd::error expected;
};

constexpr std::uint64_t export_size = 1 << 30;
constexpr std::uint32_t most = nbd::maximum_payload;

check_case const check_cases[] = {
    {"a_read", request_for(read, 0, 4096), false, nbd::error::none},
    {"a_read_of_the_last_byte", request_for(read, export_size - 1, 1), false, nbd::error::none},
    {"a_read_of_nothing_at_the_end", request_for(read, export_size, 0), false, nbd::error::none},
    {"a_read_of_the_most", request_for(read, 0, most), false, nbd::error::none},
    {"a_read_of_more", request_for(read, 0, most + 1), false, nbd::error::invalid},
    {"a_read_of_more_in_one_piece", request_for(read, 0, most + 1, nbd::df), false, nbd::error::overflow},
    {"a_read_over_the_end", request_for(read, export_size - 1, 2), false, nbd::error::invalid},
    {"a_read_beyond_the_end", request_for(read, export_size + 1, 0), false, nbd::error::invalid},
    {"a_read_whose_end_wraps", request_for(read, ~0ULL, 2), false, nbd::error::invalid},
    {"a_read_with_df", request_for(read, 0, 1, nbd::df), false, nbd::error::none},
    {"a_read_with_fua", request_for(read, 0, 1, nbd::fua), false, nbd::error::none},
    {"a_read_with_no_hole", request_for(read, 0, 1, nbd::no_hole), false, nbd::error::invalid},
    {"a_read_with_an_unknown_flag", request_for(read, 0, 1, 1 << 3), false, nbd::error::invalid},
    {"a_read_of_what_is_read_only", request_for(read, 0, 1), true, nbd::error::none},
    {"a_write", request_for(write, 0, 4096), false, nbd::error::none},
    {"a_write_with_fua", request_for(write, 0, 4096, nbd::fua), false, nbd::error::none},
    {"a_write_with_df", request_for(write, 0, 4096, nbd::df), false, nbd::error::invalid},
    {"a_write_of_the_most", request_for(write, 0, most), false, nbd::error::none},
    {"a_write_of_more", request_for(write, 0, most + 1), false, nbd::error::invalid},
    {"a_write_over_the_end", request_for(write, export_size - 1, 2), false, nbd::error::no_space},
    {"a_write_whose_end_wraps", request_for(write, ~0ULL, 2), false, nbd::error::no_space},
    {"a_write_to_what_is_read_only", request_for(write, 0, 1), true, nbd::error::not_permitted},
    {"a_trim", request_for(trim, 0, most + 1), false, nbd::error::none},
    {"a_trim_over_the_end", request_for(trim, export_size, 1), false, nbd::error::invalid},
    {"a_trim_of_what_is_read_only", request_for(trim, 0, 1), true, nbd::error::not_permitted},
    {"a_write_of_zeroes", request_for(write_zeroes, 0, most + 1, nbd::no_hole | nbd::fua), false, nbd::error::none},
    {"a_write_of_zeroes_over_the_end", request_for(write_zeroes, 1, export_size), false, nbd::error::no_space},
    {"a_write_of_zeroes_to_what_is_read_only", request_for(write_zeroes, 0, 1), true, nbd::error::not_permitted},
    {"a_cache", request_for(cache, 0, most + 1), false, nbd::error::none},
    {"a_cache_over_the_end", request_for(cache, export_size, 1), false, nbd::error::invalid},
    {"a_flush", request_for(flush, 0, 0), false, nbd::error::none},
    {"a_flush_of_what_is_read_only", request_for(flush, 0, 0), true, nbd::error::none},
    {"a_flush_with_an_unknown_flag", request_for(flush, 0, 0, 1 << 15), false, nbd::error::invalid},
    {"a_disconnect", request_for(disconnect, 0, 0), false, nbd::error::none},
    {"a_fast_write_of_zeroes", request_for(write_zeroes, 0, 1, nbd::fast_zero), false, nbd::error::none},
    {"a_block_status", request_for(block_status, 0, export_size, nbd::req_one), false, nbd::error::none},
    {"a_block_status_of_nothing", request_for(block_status, 0, 0), false, nbd::error::invalid},
    {"a_block_status_over_the_end", request_for(block_status, 1, export_size), false, nbd::error::invalid},
    {"a_read_with_req_one", request_for(read, 0, 1, nbd::req_one), false, nbd::error::invalid},
    {"a_write_with_its_length_flag", request_for(write, 0, 1, nbd::payload_length), false, nbd::error::invalid},
    {"an_unknown_command", request_for(static_cast<nbd::command>(8), 0, 0), false, nbd::error::invalid},
    {"the_last_unknown_command", request_for(static_cast<nbd::command>(0xffff), 0, 0), false, nbd::error::invalid},
};

class check : public testing::TestWithParam<check_case> {};

TEST_P(check, tells_from_the_request_alone) {
    check_case const& c = GetParam();
    auto why = nbd::check(c.request, {export_size, c.read_only, nbd::form::structured, true});
    EXPECT_EQ(why ? why->code : nbd::error::none, c.expected);
    EXPECT_EQ(why ? why->why.rfind(nbd::name_of(c.request.type), 0) : 0, 0U);
}

INSTANTIATE_TEST_SUITE_P(of, check, testing::ValuesIn(check_cases),
                         [](auto const& parameter) { return parameter.param.what; });

TEST(check, refuses_a_block_status_that_was_not_agreed_on) {
    auto why = nbd::check(request_for(block_status, 0, 1), {export_size, false, nbd::form::structured, false});
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code, nbd::error::invalid);
}

TEST(check, lets_an_extended_write_say_that_its_length_is_that_of_its_payload) {
    nbd::terms extended{export_size, false, nbd::form::extended, false};
    EXPECT_FALSE(nbd::check(request_for(write, 0, 1, nbd::payload_length), extended));
    EXPECT_TRUE(nbd::check(request_for(read, 0, 1, nbd::payload_length), extended));
    EXPECT_FALSE(nbd::check(request_for(write_zeroes, 0, export_size), extended));
}

TEST(reply, a_simple_one_is_magic_error_cookie) {
    EXPECT_EQ(copy(nbd::failed(nbd::form::simple, a_request, nbd::error::io).span()),
              bytes_of({0x67, 0x44, 0x66, 0x98, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8}));
    EXPECT_EQ(copy(nbd::data_follows(nbd::form::simple, a_request).span()),
              bytes_of({0x67, 0x44, 0x66, 0x98, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(reply, a_structured_end_is_an_empty_chunk_that_is_the_last) {
    EXPECT_EQ(copy(nbd::done(nbd::form::structured, a_request).span()),
              bytes_of({0x66, 0x8e, 0x33, 0xef, 0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0}));
}

TEST(reply, a_structured_error_has_its_number_and_an_empty_message) {
    EXPECT_EQ(copy(nbd::failed(nbd::form::structured, a_request, nbd::error::no_space).span()),
              bytes_of({0x66, 0x8e, 0x33, 0xef, 0, 1, 0x80, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 6,  //
                        0,    0,    0,    28,   0, 0}));
}

TEST(reply, structured_data_has_its_offset_and_counts_it) {
    EXPECT_EQ(copy(nbd::data_follows(nbd::form::structured, a_request).span()),
              bytes_of({0x66, 0x8e, 0x33, 0xef, 0,    1,    0,    1,   1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x10, 8,  //
                        0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18}));
}

TEST(reply, an_extended_one_repeats_the_offset_and_has_a_long_length) {
    EXPECT_EQ(copy(nbd::data_follows(nbd::form::extended, a_request).span()),
              bytes_of({0x6e, 0x8a, 0x27, 0x8c, 0,    1,    0,    1,    1, 2, 3, 4, 5, 6, 7,    8,  //
                        0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0, 0, 0, 0, 0, 0, 0x10, 8,  //
                        0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18}));
}

TEST(reply, a_status_tells_its_context_and_its_parts) {
    EXPECT_EQ(copy(nbd::status_follows(nbd::form::structured, a_request, 2).span()),
              bytes_of({0x66, 0x8e, 0x33, 0xef, 0, 1, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 20, 0, 0, 0, 1}));
    nbd::message parts;
    nbd::add_extent(parts, nbd::form::structured, 0x10203, nbd::is_hole);
    EXPECT_EQ(copy(parts.data()), bytes_of({0, 1, 2, 3, 0, 0, 0, 1}));
}

TEST(reply, an_extended_status_counts_its_parts) {
    EXPECT_EQ(copy(nbd::status_follows(nbd::form::extended, a_request, 2).span()),
              bytes_of({0x6e, 0x8a, 0x27, 0x8c, 0,    1,    0,    6,    1, 2, 3, 4, 5, 6, 7, 8,   //
                        0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0, 0, 0, 0, 0, 0, 0, 40,  //
                        0,    0,    0,    1,    0,    0,    0,    2}));
    nbd::message parts;
    nbd::add_extent(parts, nbd::form::extended, 0x10203, nbd::is_hole);
    EXPECT_EQ(copy(parts.data()), bytes_of({0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 1}));
}

TEST(message, is_in_network_byte_order) {
    EXPECT_EQ(copy(nbd::message().u16(0x0102).u32(0x03040506).u64(0x0708090a0b0c0d0e).data()),
              bytes_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}));
}

TEST(message, holds_text_and_zeros) {
    EXPECT_EQ(copy(nbd::message().text("ab\xff").zeros(2).text("").data()), bytes_of({'a', 'b', 0xff, 0, 0}));
}

TEST(message, the_magic_numbers_spell_words) {
    EXPECT_EQ(copy(nbd::message().u64(nbd::init_magic).u64(nbd::option_magic).data()),
              copy(nbd::message().text("NBDMAGICIHAVEOPT").data()));
}

TEST(command, names_are_for_people) {
    EXPECT_EQ(nbd::name_of(read), "read");
    EXPECT_EQ(nbd::name_of(write_zeroes), "write of zeroes");
    EXPECT_EQ(nbd::name_of(static_cast<nbd::command>(17)), "command 17");
}

TEST(command, eight_are_known) {
    EXPECT_TRUE(nbd::known(read));
    EXPECT_TRUE(nbd::known(block_status));
    EXPECT_FALSE(nbd::known(static_cast<nbd::command>(8)));
}

}  // namespace
