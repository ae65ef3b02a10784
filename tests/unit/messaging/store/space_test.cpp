// Snapshots, live messages, recycling.
#include "store_test.hpp"

#include "messaging/store/segment.hpp"
#include "messaging/store/snapshot.hpp"

#include <cerrno>

using namespace messaging::store;
using support::positions;
using support::store_test;

namespace {

/// Fills segments; returns where each message lies.
std::vector<location> fill(store_test& test, std::uint64_t from, std::uint64_t to) {
    const std::string body(15'000, 'x');
    std::vector<location> where;
    for (std::uint64_t i = from; i <= to; ++i) {
        const std::uint32_t offset = test.write(i, body);
        const committed_batch done = test.commit();
        REQUIRE_FALSE(done.error);
        where.push_back(done.bytes->at(offset));
    }
    return where;
}

} // namespace

TEST_CASE("snapshot: comes back before the entries, which say what it covers", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    test.commit_one(1);
    test.write(2); // gathered, not flushed: the snapshot is ordered behind it
    REQUIRE_FALSE(test.snapshot("state"));
    test.commit_one(3);
    test.kill_and_open();
    CHECK(test.handler.snapshot == "state");
    CHECK(test.handler.snapshot_commit == 2);
    REQUIRE(test.positions() == positions{1, 2, 3});
    CHECK(test.handler.entries[0].covered);
    CHECK(test.handler.entries[1].covered);
    CHECK_FALSE(test.handler.entries[2].covered);
    CHECK(test.log->report().snapshot_commit == 2);
}

TEST_CASE("snapshot: two are kept; when the newest is damaged it is set aside and the other one used", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    for (std::uint64_t i = 1; i <= 3; ++i) {
        test.commit_one(i);
        REQUIRE_FALSE(test.snapshot("state " + std::to_string(i)));
    }
    CHECK_FALSE(test.files.exists(snapshot_name(1)));
    CHECK(test.files.exists(snapshot_name(2)));
    CHECK(test.files.exists(snapshot_name(3)));
    test.log.reset();
    test.files.kill();
    test.files.flip(snapshot_name(3), 34, 1);
    REQUIRE_FALSE(test.open());
    CHECK(test.handler.snapshot == "state 2");
    CHECK(test.log->report().older_snapshot_used);
    CHECK(test.files.exists("damaged/" + snapshot_name(3)));
    CHECK_FALSE(test.handler.entries[2].covered);
}

TEST_CASE("snapshot: dropped when a batch it stands on was refused; a failed one recycles nothing", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    test.commit_one(1);
    test.files.fail_write(0, EIO, 0);
    test.write(2);
    CHECK(test.snapshot("state") == errc::snapshot_stale);
    CHECK_FALSE(test.files.exists(snapshot_name(2)));
    test.files.fail_write(0, ENOSPC, 3);
    CHECK(test.snapshot("state") == boost::system::errc::no_space_on_device);
    CHECK(test.log->failed().empty());
    CHECK_FALSE(test.snapshot("state"));
    test.kill_and_open();
    CHECK(test.handler.snapshot == "state");
}

TEST_CASE("recycling: only what ended, holds nothing live and is covered by a snapshot", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    const auto where = fill(test, 1, 12); // four a segment
    REQUIRE(test.log->stats().segments == 3);
    const std::uint32_t bytes = entry_bytes(15'000);
    for (std::size_t i = 0; i < 8; ++i)
        if (i != 5) test.log->retire(where[i], bytes);
    CHECK(test.log->stats().segments == 3); // no snapshot yet
    REQUIRE_FALSE(test.snapshot("state"));
    CHECK(test.log->stats().segments == 2); // the second still has message 6
    test.log->retire(where[5], bytes);
    CHECK(test.log->stats().segments == 1);
    CHECK(test.log->stats().live_messages == 4);
    CHECK(test.fetch({{where[0], bytes}})->entries[0].error == errc::not_found);
    test.commit_one(13); // the thread has done the renames when this came back
    CHECK(test.files.exists(spare_name(1)));
    CHECK(test.files.exists(spare_name(2)));
    CHECK(test.log->stats().spare_segments == 2);

    // A recycled file gets a new life; its old bytes never count.
    fill(test, 20, 23);
    CHECK(test.files.exists("0000000004.seg"));
    CHECK(test.log->stats().spare_segments == 1);
    test.kill_and_open();
    CHECK(test.positions() == positions{9, 10, 11, 12, 13, 20, 21, 22, 23});
    CHECK(test.handler.snapshot == "state");
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("recycling: few spares are kept, the others are deleted", "[store]") {
    store_test test;
    test.options.spare_segments_max = 1;
    REQUIRE_FALSE(test.open());
    for (const location each : fill(test, 1, 16)) test.log->retire(each, entry_bytes(15'000));
    REQUIRE_FALSE(test.snapshot("state"));
    test.commit_one(17);
    CHECK(test.log->stats().segments == 1);
    CHECK(test.log->stats().spare_segments == 1);
    CHECK(test.log->stats().live_messages == 1);
    std::size_t on_disk = 0;
    const auto names = test.files.list();
    for (const std::string& name : names.value()) on_disk += name.ends_with(".seg") || name.ends_with(".free");
    CHECK(on_disk == 2);
}

TEST_CASE("recycling: live counts are right after reopening", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    fill(test, 1, 6);
    test.log->append(entry_type::first_of_owner, 0, 7, 0, {});
    REQUIRE_FALSE(test.commit().error);
    test.kill_and_open();
    CHECK(test.log->stats().live_messages == 6);
    CHECK(test.log->stats().live_bytes == 6 * entry_bytes(15'000));
    REQUIRE_FALSE(test.snapshot("state"));
    for (const support::seen_entry& entry : test.handler.entries)
        if (entry.position <= 6) test.log->retire(entry.where, entry_bytes(entry.body.size()));
    CHECK(test.log->stats().live_bytes == 0);
    CHECK(test.log->stats().segments == 1);
}

TEST_CASE("recycling: reopening again and again does not collect segments", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    for (int i = 0; i < 10; ++i) test.close_and_open();
    CHECK(test.log->stats().segments == 1);
    CHECK(test.log->stats().spare_segments <= 4);
}
