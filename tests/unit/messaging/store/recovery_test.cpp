#include "store_test.hpp"

#include "messaging/store/crc32c.hpp"
#include "messaging/store/segment.hpp"

#include <cerrno>

using namespace messaging::store;
using support::positions;
using support::store_test;

namespace {

constexpr std::uint32_t one = commit_entry_bytes + entry_bytes(4); // a commit of one message "body"
constexpr std::uint32_t body_of(std::uint32_t commit_index) {
    return segment_data_begin + commit_index * one + commit_entry_bytes + entry_header_bytes;
}

void write_five(store_test& test) {
    REQUIRE_FALSE(test.open());
    for (std::uint64_t i = 1; i <= 5; ++i) test.commit_one(i);
}

/// The header block as formats 1 and 2 had it: where the segment goes on from in the header, no begin record.
void make_older(std::string& file, char format) {
    const auto header = decode_header(core::as_bytes(file).first(segment_data_begin));
    REQUIRE(header.has_value());
    for (const std::size_t at : {std::size_t{1024}, std::size_t{3072}}) file.replace(at, 28, std::string(28, '\0'));
    for (const std::size_t at : {std::size_t{0}, std::size_t{2048}}) {
        file[at + 11] = format;
        core::store_big_endian(file.data() + at + 24, header->first_commit);
        core::store_big_endian(file.data() + at + 32, header->previous_segment);
        core::store_big_endian(file.data() + at + 36, header->previous_end);
        core::store_big_endian(file.data() + at + 60, crc32c(core::as_bytes(file).subspan(at, 60)));
    }
}

} // namespace

TEST_CASE("recovery: a store of an older format is read whole and gone on with", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    const std::string body(15'000, 'x');
    for (std::uint64_t i = 1; i <= 10; ++i) test.commit_one(i, body); // three segments
    REQUIRE_FALSE(test.snapshot("state"));
    test.commit_one(11, body);
    test.log.reset();
    test.files.kill();
    const char format = GENERATE(char{1}, char{2});
    const auto names = test.files.list();
    for (const std::string& name : *names) {
        if (!name.ends_with(".seg")) continue;
        std::string file = test.files.content(name);
        if (!decode_header(core::as_bytes(file).first(segment_data_begin))->begun) {
            REQUIRE_FALSE(test.files.remove(name)); // nothing was prepared then
            continue;
        }
        make_older(file, format);
        test.files.put(name, file);
    }
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    CHECK(test.log->report().damaged_places == 0);
    for (std::uint64_t i = 12; i <= 17; ++i) test.commit_one(i, body); // beside segments of this format
    std::mt19937_64 random(3);
    test.log.reset();
    test.files.power_cut(random);
    REQUIRE_FALSE(test.open());
    CHECK(test.positions().size() == 17);
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("recovery: an empty directory is a new store", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    CHECK(test.handler.entries.empty());
    CHECK(test.log->gathering() == 1);
    CHECK(test.files.exists("0000000001.seg"));
    CHECK(test.log->report().segments == 0);
}

TEST_CASE("recovery: after a kill the last commit is rewritten into a fresh synced segment", "[store]") {
    store_test test;
    write_five(test);
    test.kill_and_open();
    CHECK(test.positions() == positions{1, 2, 3, 4, 5});
    CHECK(test.log->report().commits_rewritten == 1);
    CHECK(test.handler.entries[3].where.segment == 1);
    CHECK(test.handler.entries[4].where == location{2, segment_data_begin + commit_entry_bytes});
    CHECK(test.log->gathering() == 6);
    const auto got = test.fetch({{test.handler.entries[4].where, entry_bytes(4)}});
    CHECK_FALSE(got->entries[0].error);
    test.log.reset();
    std::mt19937_64 random(1);
    test.files.power_cut(random); // nothing since; the rewritten copy must be durable
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1, 2, 3, 4, 5});
}

TEST_CASE("recovery: after a clean end nothing is rewritten", "[store]") {
    store_test test;
    write_five(test);
    test.close_and_open();
    CHECK(test.positions() == positions{1, 2, 3, 4, 5});
    CHECK(test.log->report().commits_rewritten == 0);
    CHECK(test.log->report().tail_bytes_cut == 0);
    test.commit_one(6);
    test.close_and_open();
    test.close_and_open();
    CHECK(test.positions() == positions{1, 2, 3, 4, 5, 6});
}

TEST_CASE("recovery: a torn last commit is cut as a whole", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    test.commit_one(1);
    test.write(2);
    test.write(3);
    test.write(4);
    REQUIRE_FALSE(test.commit().error);
    test.log.reset();
    test.files.kill();
    // The last of its three entries is bad; nothing behind it proves that it was ever synced.
    test.files.flip("0000000001.seg", segment_data_begin + one + commit_entry_bytes + 2 * entry_bytes(4) + 41, 8);
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1});
    CHECK(test.log->report().tail_bytes_cut == commit_entry_bytes + 3 * entry_bytes(4));
    CHECK(test.log->report().damaged_places == 0);
    test.commit_one(9);
    test.kill_and_open();
    CHECK(test.positions() == positions{1, 9});
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("recovery: damage before a later commit is corruption: skipped, kept, counted, the rest served", "[store]") {
    store_test test;
    write_five(test);
    test.log.reset();
    test.files.kill();
    test.files.flip("0000000001.seg", body_of(2), 1);
    const std::string damaged = test.files.content("0000000001.seg");
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1, 2, 4, 5});
    CHECK(test.log->report().damaged_places == 1);
    CHECK(test.log->report().damaged_bytes == entry_bytes(4));
    REQUIRE(test.log->report().damaged_files == std::vector<std::string>{"damaged/0000000001.seg"});
    CHECK(test.files.content("damaged/0000000001.seg") == damaged);
}

TEST_CASE("recovery: in a damaged commit the entries that are good are kept", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    for (std::uint64_t i = 1; i <= 3; ++i) test.write(i);
    REQUIRE_FALSE(test.commit().error);
    test.commit_one(4);
    test.log.reset();
    test.files.kill();
    SECTION("an entry") {
        test.files.flip("0000000001.seg", segment_data_begin + commit_entry_bytes + entry_bytes(4) + 41, 1);
        REQUIRE_FALSE(test.open());
        CHECK(test.positions() == positions{1, 3, 4});
    }
    SECTION("its length field") {
        test.files.flip("0000000001.seg", segment_data_begin + commit_entry_bytes + entry_bytes(4) + 3, 1);
        REQUIRE_FALSE(test.open());
        CHECK(test.positions() == positions{1, 3, 4});
    }
    SECTION("the commit entry") {
        test.files.flip("0000000001.seg", segment_data_begin + 45, 1);
        REQUIRE_FALSE(test.open());
        CHECK(test.positions() == positions{1, 2, 3, 4});
    }
    CHECK(test.log->report().damaged_places == 1);
}

TEST_CASE("recovery: damage at the end of a segment that has a successor is corruption", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    const std::string body(15'000, 'x');
    for (std::uint64_t i = 1; i <= 6; ++i) test.commit_one(i, body);
    REQUIRE(test.log->stats().segments == 2);
    location last_of_first;
    for (const committed_batch& each : test.listener.batches)
        if (each.base.segment == 1) last_of_first = each.base;
    test.log.reset();
    test.files.kill();
    test.files.flip("0000000001.seg", last_of_first.offset + 100, 1);
    REQUIRE_FALSE(test.open());
    CHECK(test.positions().size() == 5);
    CHECK(test.log->report().damaged_places == 1);
    CHECK(test.log->report().tail_bytes_cut == 0);
}

TEST_CASE("recovery: a damaged end entry is no damage while the successor knows the end", "[store]") {
    store_test test;
    write_five(test);
    test.close_and_open();
    test.commit_one(6);
    test.log.reset();
    test.files.kill();
    test.files.flip("0000000001.seg", segment_data_begin + 5 * one + 9, 1);
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1, 2, 3, 4, 5, 6});
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("recovery: an entry forged inside a payload is never taken", "[store]") {
    store_test test;
    write_five(test);
    test.log.reset();
    test.files.kill();
    const std::string stolen = test.files.content("0000000001.seg").substr(segment_data_begin, 5 * one);
    REQUIRE_FALSE(test.open());
    test.write(6, stolen + stolen);
    REQUIRE_FALSE(test.commit().error);
    test.commit_one(7);
    test.log.reset();
    test.files.kill();
    // Breaks the length of the message, so that resynchronising walks over the forged entries.
    test.files.flip("0000000002.seg", segment_data_begin + one + commit_entry_bytes + 1, 1);
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1, 2, 3, 4, 5, 7});
    CHECK(test.log->report().damaged_places == 1);
}

TEST_CASE("recovery: one damaged header copy does not matter, two set the segment aside", "[store]") {
    store_test test;
    write_five(test);
    test.close_and_open();
    test.commit_one(6);
    test.log.reset();
    test.files.kill();
    test.files.flip("0000000001.seg", 20, 1);
    SECTION("one") {
        REQUIRE_FALSE(test.open());
        CHECK(test.positions() == positions{1, 2, 3, 4, 5, 6});
    }
    SECTION("both") {
        test.files.flip("0000000001.seg", 2048 + 20, 1);
        REQUIRE_FALSE(test.open());
        CHECK(test.positions() == positions{6});
        CHECK(test.log->report().damaged_places == 1);
        CHECK(test.files.exists("damaged/0000000001.seg"));
        CHECK_FALSE(test.files.exists("0000000001.seg"));
    }
}

TEST_CASE("recovery: a good entry of a type that is not known yet is stepped over as damage", "[store]") {
    store_test test;
    write_five(test);
    test.log.reset();
    test.files.kill();
    std::string bytes = test.files.content("0000000001.seg");
    const auto header = decode_header(core::as_bytes(bytes).first(segment_data_begin));
    const std::uint32_t second = segment_data_begin + static_cast<std::uint32_t>(one);
    auto* entry = reinterpret_cast<std::byte*>(bytes.data()) + second;
    entry[16] = std::byte{12};
    seal_entry(entry, header->generation, second);
    test.files.put("0000000001.seg", bytes);
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1, 2, 3, 4, 5}); // the message behind it stands by itself
    CHECK(test.log->report().damaged_places == 1);
}

TEST_CASE("recovery: without its begin record a segment that has a successor is read all the same", "[store]") {
    store_test test;
    write_five(test);
    test.close_and_open();
    test.commit_one(6);
    test.log.reset();
    test.files.kill();
    for (const std::uint64_t copy : {1024u, 3072u}) test.files.flip("0000000001.seg", copy + 3, 1);
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1, 2, 3, 4, 5, 6});
    test.commit_one(7);
    test.kill_and_open();
    CHECK(test.positions() == positions{1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("recovery: a newer format is refused", "[store]") {
    store_test test;
    write_five(test);
    test.log.reset();
    segment_header header{1, 1, 1, 0, 0, 0, 65536};
    header_block block = encode_header(header);
    for (const std::size_t at : {std::size_t{0}, std::size_t{2048}}) {
        block[at + 11] = std::byte{4};
        const std::uint32_t crc = crc32c({block.data() + at, 60});
        core::store_big_endian(block.data() + at + 60, crc);
    }
    std::string bytes = test.files.content("0000000001.seg");
    bytes.replace(0, block.size(), core::as_text(block));
    test.files.put("0000000001.seg", bytes);
    const auto error = test.open();
    CHECK(error == errc::newer_format);
    CHECK(error.message() == "the store was written by a newer version of this program");
}

TEST_CASE("recovery: a segment shorter than its content is reported, not fatal", "[store]") {
    store_test test;
    write_five(test);
    test.close_and_open();
    test.log.reset();
    test.files.put("0000000001.seg", test.files.content("0000000001.seg").substr(0, segment_data_begin + 3 * one + 20));
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1, 2, 3});
    CHECK(test.log->report().damaged_places >= 1);
}

TEST_CASE("recovery: refuses to start when the last commit cannot be rewritten", "[store]") {
    store_test test;
    write_five(test);
    test.log.reset();
    SECTION("write fails") { test.files.fail_write(1, EIO, 0); }
    SECTION("sync fails") { test.files.fail_sync(0); }
    SECTION("sync of the old segment's end fails") { test.files.fail_sync(1); }
    SECTION("the disk is full") { test.files.limit_bytes(70 * 1024); }
    CHECK(test.open());
    test.files.limit_bytes(~std::uint64_t{0});
    test.files.kill();
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1, 2, 3, 4, 5});
}

TEST_CASE("recovery: an end entry that only the page cache has is made durable", "[store]") {
    store_test test;
    write_five(test);
    test.files.fail_sync(0); // the end entry of close()
    test.close_and_open();
    test.log.reset();
    std::mt19937_64 random(5);
    test.files.power_cut(random);
    REQUIRE_FALSE(test.open()); // its empty successor became a spare: the segment's own word counts now
    const std::string content = test.files.content("0000000001.seg");
    const std::size_t end = segment_data_begin + 5 * one;
    CHECK(content.substr(end, 4) == std::string("\x00\x00\x00\xB4", 4)); // the footer: 40 + 5 × 28
    CHECK(content.substr(end + 0xB4, 4) == std::string("\x00\x00\x00\x28", 4));
    test.close_and_open();
    CHECK(test.positions() == positions{1, 2, 3, 4, 5});
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("recovery: commits of durability os reordered by a power cut end at the first hole", "[store]") {
    store_test test;
    test.options.mode = durability::os;
    test.options.sync_interval = std::chrono::hours(1);
    write_five(test);
    test.log.reset();
    test.files.kill();
    test.files.flip("0000000001.seg", body_of(2), 1); // commit 3 never reached the disk, 4 and 5 did
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1, 2});
    CHECK(test.log->report().damaged_places == 0);
    test.commit_one(9);
    test.kill_and_open();
    CHECK(test.positions() == positions{1, 2, 9});
}

TEST_CASE("recovery: a torn first commit is no corruption when the segments before it are gone", "[store]") {
    store_test test;
    write_five(test);
    test.close_and_open();
    for (const auto& entry : test.handler.entries) test.log->retire(entry.where, entry_bytes(entry.body.size()));
    REQUIRE_FALSE(test.snapshot("state"));
    test.commit_one(6);
    REQUIRE(test.log->stats().segments == 1);
    test.log.reset();
    test.files.kill();
    test.files.flip("0000000002.seg", body_of(0), 1);
    REQUIRE_FALSE(test.open());
    CHECK(test.positions().empty());
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("recovery: other files are left alone, unfinished snapshots are not", "[store]") {
    store_test test;
    test.files.put("signing-key.pem", "key");
    test.files.put("snapshot.tmp", "half");
    REQUIRE_FALSE(test.open());
    CHECK(test.files.exists("signing-key.pem"));
    CHECK_FALSE(test.files.exists("snapshot.tmp"));
}
