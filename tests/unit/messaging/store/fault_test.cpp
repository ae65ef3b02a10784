#include "store_test.hpp"

#include <cerrno>

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
    REQUIRE_FALSE(test.open());
    const std::string body(15'000, 'x');
    for (std::uint64_t i = 1; i <= 4; ++i) test.commit_one(i, body);
    test.files.fail_sync(GENERATE(0u, 1u)); // of the end entry, of the new header
    test.write(5, body);
    CHECK(test.commit().error == errc::sync_failed);
    CHECK_FALSE(test.log->failed().empty());
    test.kill_and_open();
    CHECK(test.positions() == positions{1, 2, 3, 4});
}
