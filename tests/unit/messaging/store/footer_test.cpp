// Footers: bytes by hand, reopening by them, falling back without them.
#include "store_test.hpp"

#include "messaging/store/crc32c.hpp"
#include "messaging/store/footer.hpp"
#include "messaging/store/segment.hpp"

using namespace messaging::store;
using namespace std::string_literals;
using support::positions;
using support::store_test;

namespace {

/// Four messages a segment; twelve of them, the first two segments covered by a snapshot and not the newest two.
void fill_four_segments(store_test& test) {
    REQUIRE_FALSE(test.open());
    const std::string body(15'000, 'x');
    for (std::uint64_t i = 1; i <= 16; ++i) test.commit_one(i, body);
    REQUIRE(test.log->stats().segments == 4);
    REQUIRE_FALSE(test.snapshot("state"));
}

std::uint32_t content_end(store_test& test, std::uint32_t segment) {
    const std::string next = test.files.content(segment_name(segment + 1));
    return decode_header(core::as_bytes(next).first(segment_data_begin))->previous_end;
}

} // namespace

TEST_CASE("footer: written as FORMAT.md says", "[store]") {
    footer_draft draft;
    entry_view message;
    message.type = entry_type::message;
    message.flags = entry_flag::live;
    message.topic = 9;
    message.position = 10;
    message.time_ms = -1;
    draft.add(message, 0x1038);
    message.type = entry_type::first_of_owner;
    message.flags = 0;
    draft.add(message, 0x2000); // not live: not in it
    CHECK(draft.bytes() == 68);
    CHECK(draft.bytes(2) == 68 + 2 * 28);
    const std::string behind_crc = "\x00\x00\x00\x00\x00\x00\x00\x07"s // last commit
                                   "\x04\x00\x00\x00"s                 // type, flags, zero
                                   "\x00\x00\x00\x00"s                 // topic
                                   "\x00\x00\x00\x00\x00\x00\x00\x00"s // position
                                   "\x00\x00\x00\x00\x00\x00\x00\x00"s // time
                                   "\x00\x00\x00\x09\x00\x00\x10\x38"s // topic, offset
                                   "\x00\x00\x00\x28"s                 // whole entry
                                   "\x00\x00\x00\x00\x00\x00\x00\x0A"s // position
                                   "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s;
    const std::string seed = "\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x20\x00\x00\x00\x00\x44"s;
    std::string crc(4, '\0');
    core::store_big_endian(crc.data(), crc32c_by_table(core::as_bytes(seed + behind_crc)));
    std::string whole(core::as_text(draft.seal(0x0102030405060708, 0x2000, 7)));
    for (const std::string& block : draft.blocks()) whole += block;
    CHECK(whole == "\x00\x00\x00\x44"s + crc + behind_crc);
}

TEST_CASE("footer: a covered segment is known by its footer, unread; its messages are all there", "[store]") {
    store_test test;
    fill_four_segments(test);
    test.kill_and_open();
    CHECK(test.log->report().footers == 2);
    CHECK(test.log->report().footers_missing == 0);
    CHECK(test.log->report().bytes_read < 3 * 64 * 1024);
    REQUIRE(test.positions().size() == 16);
    CHECK(test.log->stats().live_messages == 16);
    CHECK(test.log->stats().live_bytes == 16 * entry_bytes(15'000));
    const auto& first = test.handler.entries.front();
    CHECK(first.indexed_bytes == entry_bytes(15'000));
    CHECK(first.topic == 1);
    CHECK(first.time_ms == 5);
    const auto read = test.fetch({{first.where, first.indexed_bytes}});
    REQUIRE_FALSE(read->entries[0].error);
    CHECK(read->entries[0].entry.position == 1);
    CHECK(test.handler.progress_done == test.handler.progress_total);
}

TEST_CASE("footer: a damaged one costs a scan of its segment and nothing else", "[store]") {
    store_test test;
    fill_four_segments(test);
    test.log.reset();
    test.files.kill();
    test.files.flip(segment_name(1), content_end(test, 1) + 50, 4);
    REQUIRE_FALSE(test.open());
    CHECK(test.log->report().footers == 1);
    CHECK(test.log->report().footers_missing == 1);
    CHECK(test.log->report().damaged_places == 0);
    CHECK(test.handler.entries.front().body.size() == 15'000);
    CHECK(test.positions().size() == 16);
}

TEST_CASE("footer: a segment whose metadata no snapshot covers is read", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    for (std::uint64_t i = 1; i <= 16; ++i) test.commit_one(i, std::string(15'000, 'x'));
    test.kill_and_open();
    CHECK(test.log->report().footers == 0);
    CHECK(test.log->report().footers_missing == 0);
    CHECK(test.positions().size() == 16);
}

TEST_CASE("footer: the index of a segment comes from its footer, or from its entries when that is damaged", "[store]") {
    store_test test;
    fill_four_segments(test);
    if (GENERATE(false, true)) test.files.flip(segment_name(2), content_end(test, 2) + 50, 4);
    std::shared_ptr<const segment_index> got;
    test.log->read_index(2, [&](auto index) { got = std::move(index); });
    REQUIRE(test.loop.run_until([&] { return got != nullptr; }));
    REQUIRE_FALSE(got->error);
    REQUIRE(got->entries.size() == 4);
    CHECK(got->entries[0].position == 5);
    CHECK(got->entries[3].position == 8);
    CHECK(got->entries[3].bytes == entry_bytes(15'000));
}
