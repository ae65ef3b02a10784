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
    CHECK(test.log->stats().spare_segments == 3); // and the next segment, prepared

    // A recycled file gets a new life; its old bytes never count.
    fill(test, 20, 23);
    CHECK(test.files.exists("0000000004.seg"));
    CHECK(test.log->stats().spare_segments == 2); // one of them prepared
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
    CHECK(test.log->stats().spare_segments == 2); // and the next segment, prepared
    CHECK(test.log->stats().live_messages == 1);
    std::size_t on_disk = 0;
    const auto names = test.files.list();
    for (const std::string& name : names.value()) on_disk += name.ends_with(".seg") || name.ends_with(".free");
    CHECK(on_disk == 3);
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

TEST_CASE("disk budget: refused when it is too small; its reserve is told, its end refuses", "[store]") {
    store_test test;
    test.options.disk_bytes_max = 7 * 64 * 1024;
    CHECK(test.open() == errc::bad_options);
    test.options.disk_bytes_max = 8 * 64 * 1024;
    REQUIRE_FALSE(test.open());
    fill(test, 1, 16);
    CHECK_FALSE(test.log->reserve_reached());
    fill(test, 17, 17); // the fifth segment
    CHECK(test.log->reserve_reached());
    fill(test, 18, 32); // all eight
    test.write(33, std::string(15'000, 'x'));
    CHECK(test.commit().error == boost::system::errc::no_space_on_device);
    CHECK(test.log->stats().disk_bytes == 8 * 64 * 1024);
    test.commit_one(34); // a small one still has room
}

TEST_CASE("full disk: the last spares are for what is no new message", "[store]") {
    store_test test;
    test.options.spare_reserve = 2;
    REQUIRE_FALSE(test.open());
    const auto where = fill(test, 1, 12);
    for (std::size_t i = 0; i < 8; ++i) test.log->retire(where[i], entry_bytes(15'000));
    REQUIRE_FALSE(test.snapshot("state"));
    test.commit_one(13);
    REQUIRE(test.log->stats().spare_segments == 3);
    test.files.limit_bytes(4 * 64 * 1024 + 4096); // all there is
    fill(test, 14, 17);                           // the prepared one was there before the disk was full
    const std::string body(15'000, 'x');
    test.write(18, body);
    CHECK(test.commit().error == boost::system::errc::no_space_on_device);
    test.log->append(entry_type::first_of_owner, 0, 0, 0, {core::as_bytes(body)});
    CHECK_FALSE(test.commit().error);
    CHECK(test.log->stats().spare_segments == 1);
    test.files.limit_bytes(~std::uint64_t{0});
    test.commit_one(19, body);
    test.kill_and_open();
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("fault: what was handed over behind a refused batch is refused too", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    test.files.fail_write(0, EIO, 0);
    const std::string body(15'000, 'x'); // one fills a batch: the next append hands it over
    for (std::uint64_t i = 1; i <= 3; ++i) test.write(i, body);
    const std::uint64_t third = test.log->gathering();
    test.log->flush();
    REQUIRE(test.loop.run_until([&] { return test.listener.batches.size() >= 2; }));
    CHECK(test.listener.batches[0].error == boost::system::errc::io_error);
    CHECK(test.listener.batches[1].error == boost::system::errc::io_error);
    REQUIRE(test.loop.run_until([&] { return test.listener.batches.back().commit >= third; }));
    CHECK_FALSE(test.listener.batches.back().error); // it was gathered when the owner heard
}
