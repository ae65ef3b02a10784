#include "store_test.hpp"

#include "messaging/store/segment.hpp"

#include <cerrno>
#include <thread>

using namespace messaging::store;
using support::positions;
using support::store_test;

TEST_CASE("fault: a failed write refuses the whole batch and leaves no hole", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    test.commit_one(1);
    const std::size_t written = GENERATE(std::size_t{0}, std::size_t{30}, std::size_t{120}, std::size_t{100'000});
    test.files.fail_write(0, ENOSPC, written);
    test.write(2);
    test.write(3);
    const committed_batch refused = test.commit();
    CHECK(refused.error == boost::system::errc::no_space_on_device);
    CHECK(refused.base == location{});
    REQUIRE(refused.bytes);
    CHECK(refused.bytes->entry_count() == 2);
    CHECK(test.log->failed().empty());
    SECTION("and the next one succeeds at the same offset") {
        test.write(4);
        const committed_batch done = test.commit();
        REQUIRE_FALSE(done.error);
        CHECK(done.base.offset == test.listener.batches[0].base.offset + test.listener.batches[0].bytes->size());
        test.kill_and_open();
        CHECK(test.positions() == positions{1, 4});
    }
    SECTION("and it is not there after a kill") {
        test.kill_and_open();
        CHECK(test.positions() == positions{1});
    }
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("fault: a failed sync makes the log read-only until reopened", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    test.commit_one(1);
    test.files.fail_sync(0);
    test.write(2);
    CHECK(test.commit().error == errc::sync_failed);
    CHECK(test.log->failed() == make_error_code(errc::sync_failed).message());
    const std::uint64_t changes = test.files.changes();
    test.write(3);
    CHECK(test.commit().error == errc::read_only);
    CHECK(test.snapshot("state") == errc::read_only);
    test.log->close();
    CHECK(test.files.changes() == changes); // never tried again, nothing written behind it
    test.log.reset();
    std::mt19937_64 random(3);
    test.files.power_cut(random);
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1});
    CHECK(test.log->failed().empty());
}

TEST_CASE("fault: in durability os a failed sync by the clock is seen although nothing waits for it", "[store]") {
    store_test test;
    test.options.mode = durability::os;
    test.options.sync_interval = std::chrono::milliseconds(1);
    REQUIRE_FALSE(test.open());
    test.files.fail_sync(0);
    test.write(1);
    test.log->flush();
    REQUIRE(test.loop.run_until([&] { return !test.log->failed().empty(); }));
    test.write(2);
    CHECK(test.commit().error == errc::read_only);
}

TEST_CASE("fault: a full disk refuses what needs a new segment, until there is space", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    test.files.limit_bytes(64 * 1024);
    const std::string body(15'000, 'x');
    std::uint64_t position = 0;
    committed_batch done;
    for (; !done.error && position < 10; done = test.commit()) test.write(++position, body);
    CHECK(done.error == boost::system::errc::no_space_on_device);
    CHECK(position == 5);
    test.write(50, body);
    CHECK(test.commit().error == boost::system::errc::no_space_on_device);
    test.files.limit_bytes(~std::uint64_t{0});
    test.commit_one(100, body);
    test.kill_and_open();
    CHECK(test.positions() == positions{1, 2, 3, 4, 100});
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("fault: a sync that fails while a segment begins makes the log read-only", "[store]") {
    store_test test;
    test.options.side_thread = false;
    test.options.disk_bytes_max = 8 * 64 * 1024;
    REQUIRE_FALSE(test.open());
    const std::string body(15'000, 'x');
    for (std::uint64_t i = 1; i <= 4; ++i) test.commit_one(i, body);
    SECTION("prepared in time, the first commit in it fails") { test.files.fail_sync(0); }
    SECTION("not prepared in time") {
        test.commit_one(5, body);
        test.commit_one(50); // the end of the first segment is written now
        test.files.fail_sync(1);
        test.commit_one(6, body); // the second sync is the preparation's
        for (std::uint64_t i = 7; i <= 8; ++i) test.commit_one(i, body);
        CHECK_FALSE(test.files.exists(segment_name(3)));
        test.files.fail_sync(0);
    }
    const auto before = test.listener.batches.size();
    test.write(9, body);
    CHECK(test.commit().error == errc::sync_failed);
    CHECK_FALSE(test.log->failed().empty());
    test.log.reset();
    std::mt19937_64 random(7);
    test.files.power_cut(random);
    REQUIRE_FALSE(test.open());
    CHECK(test.positions().size() == before);
}

TEST_CASE("fault: where a segment ends is settled by the first byte that says so", "[store]") {
    store_test test;
    test.options.side_thread = false;
    REQUIRE_FALSE(test.open());
    const std::string body(15'000, 'x');
    for (std::uint64_t i = 1; i <= 4; ++i) test.commit_one(i, body);
    test.files.fail_write(GENERATE(0u, 1u), ENOSPC, GENERATE(0u, 10u, 28u)); // of the two copies of the begin record
    test.write(5, body);
    CHECK(test.commit().error == boost::system::errc::no_space_on_device);
    test.commit_one(6); // small: the old segment would have room
    CHECK(test.listener.batches.back().base.segment == 2);
    test.kill_and_open();
    CHECK(test.positions() == positions{1, 2, 3, 4, 6});
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("fault: a segment prepared at the last moment keeps its header when its begin record fails", "[store]") {
    store_test test;
    test.options.side_thread = false;
    REQUIRE_FALSE(test.open());
    const std::string body(15'000, 'x');
    test.files.hold_syncs(true); // the thread gets all that follows at once, and no time to prepare anything
    for (std::uint64_t i = 1; i <= 6; ++i) test.write(i, body);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (test.files.syncs_held() == 0) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        std::this_thread::yield();
    }
    test.files.fail_write(4, ENOSPC, 0); // three batches, the header block, the begin record
    test.files.hold_syncs(false);
    (void)test.commit();
    std::size_t refused = 0;
    for (const committed_batch& each : test.listener.batches) {
        INFO("commit " << each.commit);
        if (each.error) CHECK(each.error == boost::system::errc::no_space_on_device);
        if (each.error) refused += each.bytes->live_count();
    }
    CHECK(refused == 1); // the fifth; the sixth was still being gathered when that was heard
    for (std::uint64_t i = 7; i <= 9; ++i) test.commit_one(i);
    test.log.reset();
    std::mt19937_64 random(7);
    test.files.power_cut(random);
    REQUIRE_FALSE(test.open());
    CHECK(test.positions() == positions{1, 2, 3, 4, 6, 7, 8, 9});
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("fault: a segment whose end cannot be written is whole all the same", "[store]") {
    store_test test;
    test.options.side_thread = false;
    REQUIRE_FALSE(test.open());
    const std::string body(15'000, 'x');
    for (std::uint64_t i = 1; i <= 4; ++i) test.commit_one(i, body);
    const bool fails = GENERATE(true, false);
    // The begin record is two writes, the batch one; then comes the piece with footer and end entry.
    test.write(5, body);
    if (fails)
        test.files.fail_write(3, EIO, 10);
    else
        test.files.fail_sync(1);
    REQUIRE_FALSE(test.commit().error);
    for (std::uint64_t i = 6; i <= 16; ++i) test.commit_one(i, body);
    CHECK(test.log->failed().empty());
    REQUIRE_FALSE(test.snapshot("state"));
    test.log.reset();
    std::mt19937_64 random(7);
    test.files.power_cut(random);
    REQUIRE_FALSE(test.open());
    CHECK(test.positions().size() == 16);
    CHECK(test.log->report().damaged_places == 0);
    CHECK(test.log->report().footers_missing == 1);
    CHECK(test.log->report().footers == 1);
}

TEST_CASE("fault: the next segment is prepared beside the commits; what is prepared counts only when it is begun",
          "[store]") {
    store_test test;
    test.options.side_thread = false;
    REQUIRE_FALSE(test.open());
    const std::string body(15'000, 'x');
    for (std::uint64_t i = 1; i <= 2; ++i) test.commit_one(i, body);
    for (std::uint64_t i = 3; i <= 4; ++i) test.commit_one(i); // the thread has done the rest of what came before
    CHECK(test.files.exists(segment_name(2)));
    CHECK(test.log->stats().segments == 1);
    const std::uint64_t syncs = test.files.file_syncs();
    SECTION("it ends well") {
        test.close_and_open();
        CHECK(test.log->report().segments == 1);
    }
    SECTION("killed before the first commit in it") { test.kill_and_open(); }
    SECTION("power fails while it begins") {
        const auto operation = GENERATE(0u, 1u, 2u); // first and second copy of the begin record, the batch
        for (std::uint64_t i = 5; i <= 6; ++i) test.commit_one(i, body);
        test.files.freeze_after(operation);
        test.write(7, body);
        CHECK(test.commit().error);
        test.log.reset();
        std::mt19937_64 random(GENERATE(range(1u, 9u)));
        test.files.power_cut(random);
        REQUIRE_FALSE(test.open());
        CHECK(test.positions() == positions{1, 2, 3, 4, 5, 6});
    }
    SECTION("a roll needs one sync then: the commit's") {
        for (std::uint64_t i = 5; i <= 7; ++i) test.commit_one(i, body);
        CHECK(test.listener.batches.back().base.segment == 2);
        test.commit_one(8);
        CHECK(test.files.file_syncs() == syncs + 5); // one each, and the end of the segment before
        test.kill_and_open();
        CHECK(test.positions() == positions{1, 2, 3, 4, 5, 6, 7, 8});
    }
    CHECK(test.positions().size() >= 3);
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("recycling: a segment whose end is still being written is not used again", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    const std::string body(15'000, 'x');
    std::vector<location> where;
    for (std::uint64_t i = 1; i <= 4; ++i) {
        const std::uint32_t offset = test.write(i, body);
        where.push_back(test.commit().bytes->at(offset));
    }
    REQUIRE_FALSE(test.snapshot("state"));
    test.files.hold_syncs_of(segment_name(1));
    test.commit_one(5, body); // ends the first segment
    for (const location each : where) test.log->retire(each, entry_bytes(body.size()));
    test.commit_one(6); // the thread has seen what was retired
    CHECK(test.files.exists(segment_name(1)));
    test.files.hold_syncs(false);
    CHECK(test.loop.run_until([&] { return test.files.exists(spare_name(1)); }));
}
