// Bytes of FORMAT.md written by hand, so that a change of the code cannot change the format unseen.
#include "messaging/store/crc32c.hpp"
#include "messaging/store/entry.hpp"
#include "messaging/store/errc.hpp"
#include "messaging/store/segment.hpp"
#include "messaging/store/snapshot.hpp"
#include "tests/support/faulty_file.hpp"

#include <catch2/catch.hpp>

using namespace messaging::store;
using namespace std::string_literals;

namespace {

std::string crc_bytes(const std::string& covered) {
    const std::uint32_t crc = crc32c_by_table(core::as_bytes(covered));
    std::string bytes(4, '\0');
    core::store_big_endian(bytes.data(), crc);
    return bytes;
}

// Generation 0x0102030405060708, offset 0x1000: a message of topic 9, position 10, time -1, body "abc".
const std::string seed = "\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x10\x00\x00\x00\x00\x2B"s;
const std::string behind_crc = "\x00\x00\x00\x00\x00\x00\x00\x07"s // commit
                               "\x02\x01\x00\x00"s                 // type, flags, zero
                               "\x00\x00\x00\x09"s                 // topic
                               "\x00\x00\x00\x00\x00\x00\x00\x0A"s // position
                               "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s
                               "abc"s; // time, body
std::string by_hand() { return "\x00\x00\x00\x2B"s + crc_bytes(seed + behind_crc) + behind_crc; }

const std::string goes_on_from = "\x00\x00\x00\x00\x00\x00\x00\x21"s  // first commit
                                 "\x00\x00\x00\x02\x00\x00\x20\x00"s; // previous segment and its end

/// Up to format 2 the header itself says where it goes on from.
std::string header_by_hand(const std::string& format, const std::string& from = std::string(16, '\0')) {
    const std::string fields = "mqttlog\n"s + format +
                               "\x00\x00\x00\x03"s                 // format, segment
                               "\x11\x12\x13\x14\x15\x16\x17\x18"s // generation
                               + from +
                               "\x31\x32\x33\x34\x35\x36\x37\x38"s // incarnation
                               "\x00\x01\x00\x00"s +
                               std::string(8, '\0'); // file size, zero
    const std::string copy = fields + crc_bytes(fields);
    std::string block(segment_data_begin, '\0');
    block.replace(0, copy.size(), copy);
    block.replace(2048, copy.size(), copy);
    return block;
}

std::string begun_by_hand() {
    std::string block = header_by_hand("\x00\x00\x00\x03"s);
    const std::string record = "\x11\x12\x13\x14\x15\x16\x17\x18"s + goes_on_from;
    for (const std::size_t at : {std::size_t{1024}, std::size_t{3072}})
        block.replace(at, record.size() + 4, record + crc_bytes(record));
    return block;
}

} // namespace

TEST_CASE("entry: written and read as FORMAT.md says", "[store]") {
    std::string ours(43, '\0');
    auto* at = reinterpret_cast<std::byte*>(ours.data());
    const std::string body = "abc";
    entry_view entry{7, entry_type::message, entry_flag::live, 9, 10, -1, core::as_bytes(body)};
    write_entry_header(at, entry);
    ours.replace(40, 3, body);
    seal_entry(at, 0x0102030405060708, 0x1000);
    CHECK(ours == by_hand());

    const std::string bytes = by_hand();
    const auto read = check_entry(core::as_bytes(bytes), 0x0102030405060708, 0x1000);
    REQUIRE(read);
    CHECK(read->commit == 7);
    CHECK(read->type == entry_type::message);
    CHECK(read->live());
    CHECK(read->topic == 9);
    CHECK(read->position == 10);
    CHECK(read->time_ms == -1);
    CHECK(core::as_text(read->body) == "abc");
}

TEST_CASE("entry: not valid at another offset, in another life, with any bit changed, or cut", "[store]") {
    const std::string good = by_hand();
    CHECK_FALSE(check_entry(core::as_bytes(good), 0x0102030405060708, 0x1001));
    CHECK_FALSE(check_entry(core::as_bytes(good), 0x0102030405060709, 0x1000));
    for (std::size_t cut = 0; cut < good.size(); ++cut)
        CHECK_FALSE(check_entry(core::as_bytes(std::string_view(good).substr(0, cut)), 0x0102030405060708, 0x1000));
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
        CHECK_FALSE(check_entry(core::as_bytes(bad), 0x0102030405060708, 0x1000));
    }
}

TEST_CASE("commit body: batch bytes, entry count, synced", "[store]") {
    std::string bytes(16, '\0');
    write_commit_body(reinterpret_cast<std::byte*>(bytes.data()), {0x01020304, 5, 6});
    CHECK(bytes == "\x01\x02\x03\x04\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x06"s);
    const auto read = read_commit_body(core::as_bytes(bytes));
    REQUIRE(read);
    CHECK(read->batch_bytes == 0x01020304);
    CHECK(read->entry_count == 5);
    CHECK(read->synced == 6);
    CHECK_FALSE(read_commit_body(core::as_bytes(bytes.substr(1))));
    CHECK_FALSE(read_commit_body(core::as_bytes(bytes + "x")));
}

TEST_CASE("segment header: two copies, either will do", "[store]") {
    segment_header header{3, 0x1112131415161718, 0x21, 2, 0x2000, 0x3132333435363738, 0x10000};
    const std::string good = begun_by_hand();
    CHECK(core::as_text(encode_header(header)) == good);
    header.begun = false;
    CHECK(core::as_text(encode_header(header)) == header_by_hand("\x00\x00\x00\x03"s));
    for (const std::size_t damaged :
         {std::size_t{20}, std::size_t{2048 + 20}, std::size_t{1024}, std::size_t{3072 + 27}}) {
        std::string one_bad = good;
        one_bad[damaged] ^= 1;
        const auto read = decode_header(core::as_bytes(one_bad));
        REQUIRE(read.has_value());
        CHECK(read->segment == 3);
        CHECK(read->generation == 0x1112131415161718);
        CHECK(read->begun);
        CHECK(read->first_commit == 0x21);
        CHECK(read->previous_segment == 2);
        CHECK(read->previous_end == 0x2000);
        CHECK(read->segment_bytes == 0x10000);
    }
    std::string both_bad = good;
    both_bad[20] ^= 1;
    both_bad[2048 + 20] ^= 1;
    CHECK(decode_header(core::as_bytes(both_bad)).error() == errc::damaged);
    CHECK(decode_header(core::as_bytes(good.substr(0, 10))).error() == errc::damaged);
    CHECK(decode_header(core::as_bytes(header_by_hand("\x00\x00\x00\x04"s))).error() == errc::newer_format);
}

TEST_CASE("segment header: without a begin record of its own life it is only prepared", "[store]") {
    std::string block = header_by_hand("\x00\x00\x00\x03"s);
    CHECK_FALSE(decode_header(core::as_bytes(block))->begun);
    std::string older = "\x11\x12\x13\x14\x15\x16\x17\x19"s + goes_on_from; // another generation
    older += crc_bytes(older);
    block.replace(1024, older.size(), older);
    CHECK_FALSE(decode_header(core::as_bytes(block))->begun);
}

TEST_CASE("segment header: formats 1 and 2 say it themselves", "[store]") {
    for (const std::string& format : {"\x00\x00\x00\x01"s, "\x00\x00\x00\x02"s}) {
        const auto read = decode_header(core::as_bytes(header_by_hand(format, goes_on_from)));
        REQUIRE(read.has_value());
        CHECK(read->begun);
        CHECK(read->first_commit == 0x21);
        CHECK(read->previous_segment == 2);
        CHECK(read->previous_end == 0x2000);
    }
}

TEST_CASE("segment names: ten digits, nothing else", "[store]") {
    CHECK(segment_name(12) == "0000000012.seg");
    CHECK(segment_of("0000000012.seg", ".seg") == 12u);
    CHECK_FALSE(segment_of("0000000000.seg", ".seg"));
    CHECK_FALSE(segment_of("9999999999.seg", ".seg"));
    CHECK_FALSE(segment_of("000000001x.seg", ".seg"));
    CHECK_FALSE(segment_of("12.seg", ".seg"));
    CHECK_FALSE(segment_of("0000000012.free", ".seg"));
    CHECK(snapshot_name(7) == "snapshot-00000000000000000007.snap");
    CHECK(snapshot_of("snapshot-00000000000000000007.snap") == 7u);
    CHECK_FALSE(snapshot_of("snapshot-7.snap"));
    CHECK_FALSE(snapshot_of("snapshot.tmp"));
}

TEST_CASE("snapshot: written as FORMAT.md says; every changed byte is noticed", "[store]") {
    const std::string head = "mqttsnap\x00\x00\x00\x01"s;
    const std::string rest = "\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x02hi"s;
    const std::string expected = head + crc_bytes(head + rest) + rest;
    support::faulty_file_system files;
    REQUIRE_FALSE(save_snapshot(files, 7, "hi"));
    CHECK(files.content(snapshot_name(7)) == expected);
    CHECK_FALSE(files.exists(snapshot_temporary));
    CHECK(load_snapshot(files, 7).value() == "hi");
    for (std::size_t at = 0; at < expected.size(); ++at) {
        std::string bad = expected;
        bad[at] ^= 4;
        files.put(snapshot_name(7), bad);
        CHECK(load_snapshot(files, 7).error() == errc::damaged);
        files.put(snapshot_name(7), expected.substr(0, at));
        CHECK(load_snapshot(files, 7).error() == errc::damaged);
    }
    std::string newer = head.substr(0, 11) + "\x02"s;
    files.put(snapshot_name(7), newer + crc_bytes(newer + rest) + rest);
    CHECK(load_snapshot(files, 7).error() == errc::newer_format);
}
