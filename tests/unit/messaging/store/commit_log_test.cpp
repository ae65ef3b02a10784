#include "store_test.hpp"

#include "messaging/store/segment.hpp"

#include <algorithm>
#include <thread>

using namespace messaging::store;
using support::positions;
using support::store_test;

TEST_CASE("commit log: what was committed is there after reopening, field by field, in order", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    const std::string left = "le", right = "ft";
    const auto kind = static_cast<entry_type>(16);
    const std::uint32_t first = test.log->append(kind, 3, 77, -5, {core::as_bytes(left), core::as_bytes(right)}, 0);
    const std::uint32_t second = test.write(78);
    const std::uint64_t number = test.log->gathering();
    const committed_batch done = test.commit();
    REQUIRE_FALSE(done.error);
    CHECK(done.commit == number);
    CHECK(core::as_text(done.bytes->body(first)) == "left");
    CHECK(done.bytes->entry(second).position == 78);
    CHECK(done.base == location{1, 4096});
    CHECK(first == commit_entry_bytes);
    CHECK(done.bytes->at(second) == location{1, 4096 + second});
    test.close_and_open();
    REQUIRE(test.handler.entries.size() == 2);
    const support::seen_entry& seen = test.handler.entries[0];
    CHECK(seen.commit == number);
    CHECK(seen.type == kind);
    CHECK(seen.flags == 0);
    CHECK(seen.topic == 3);
    CHECK(seen.position == 77);
    CHECK(seen.time_ms == -5);
    CHECK(seen.body == "left");
    CHECK(seen.where == location{1, 4096 + first});
    CHECK(test.handler.entries[1].flags == entry_flag::live);
    CHECK(test.handler.progress_done == test.handler.progress_total);
}

TEST_CASE("commit log: one sync per batch; what arrives meanwhile is the next batch by itself", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    const std::uint64_t syncs = test.files.file_syncs();
    test.write(1);
    test.log->flush();
    test.write(2);
    test.log->flush();
    test.write(3); // no flush: it goes when the first one came back
    CHECK(test.log->stats().queued_bytes > 0);
    REQUIRE(test.loop.run_until([&] { return test.listener.batches.size() == 2; }));
    CHECK(test.listener.batches[0].bytes->entry_count() == 1);
    CHECK(test.listener.batches[1].bytes->entry_count() == 2);
    CHECK(test.files.file_syncs() == syncs + 2);
    CHECK(test.log->stats().syncs == 2);
    CHECK(test.log->stats().commits == 2);
    CHECK(test.log->stats().queued_bytes == 0);
}

TEST_CASE("commit log: entries appended in the callback go without a flush", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    test.listener.then = [&](const committed_batch& done) {
        if (done.commit < 3) test.write(done.commit + 100);
    };
    test.write(100);
    test.log->flush();
    REQUIRE(test.loop.run_until([&] { return test.listener.batches.size() == 3; }));
    test.close_and_open();
    CHECK(test.positions() == positions{100, 101, 102});
}

TEST_CASE("commit log: a batch is bounded; the rest goes in the next, in order", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    const std::string body(1000, 'x');
    for (std::uint64_t i = 1; i <= 60; ++i) test.write(i, body);
    test.commit();
    REQUIRE(test.listener.batches.size() >= 4);
    for (const committed_batch& each : test.listener.batches) CHECK(each.bytes->size() <= 16 * 1024);
    test.close_and_open();
    REQUIRE(test.positions().size() == 60);
    for (std::uint64_t i = 0; i < 60; ++i) CHECK(test.positions()[i] == i + 1);
}

TEST_CASE("commit log: keep_together puts entries into one commit", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    const std::string body(1000, 'x');
    for (std::uint64_t i = 1; i <= 15; ++i) test.write(i, body);
    test.log->keep_together(2 * entry_bytes(1000));
    test.write(16, body);
    const std::uint64_t number = test.log->gathering();
    test.write(17, body);
    CHECK(test.log->gathering() == number);
    CHECK(number == 2);
    CHECK(test.log->entry_bytes_max() == 16 * 1024 - commit_entry_bytes);
    test.commit();
}

TEST_CASE("commit log: segments roll, batches never span them, on_rolled tells", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    const std::string body(10'000, 'x');
    for (std::uint64_t i = 1; i <= 30; ++i) test.commit_one(i, body);
    CHECK(test.listener.rolled.size() >= 4);
    CHECK(test.log->stats().segments == test.listener.rolled.size() + 1);
    CHECK(test.log->stats().live_messages == 30);
    CHECK(test.log->stats().live_bytes == 30 * entry_bytes(10'000));
    test.kill_and_open();
    REQUIRE(test.positions().size() == 30);
    CHECK(std::is_sorted(test.handler.entries.begin(), test.handler.entries.end(),
                         [](const auto& a, const auto& b) { return a.where < b.where; }));
    CHECK(test.log->report().damaged_places == 0);
}

TEST_CASE("commit log: the newest batches are in RAM, older ones are not; buffers are used again", "[store]") {
    store_test test;
    test.options.cache_bytes_max = 100'000;
    REQUIRE_FALSE(test.open());
    const std::string body(10'000, 'x');
    std::vector<location> where;
    for (std::uint64_t i = 1; i <= 40; ++i) {
        const std::uint32_t offset = test.write(i, body);
        const committed_batch done = test.commit();
        where.push_back(done.bytes->at(offset));
        test.listener.batches.clear();
        test.listener.batches.push_back({done.commit, {}, {}, nullptr, {}, {}});
    }
    CHECK(test.log->stats().cache_bytes <= 100'000);
    const auto newest = test.log->cached(where.back());
    REQUIRE(newest);
    CHECK(newest->entry(where.back()).position == 40);
    CHECK_FALSE(test.log->cached(where.front()));
    CHECK_FALSE(test.log->cached({99, 4096}));
    CHECK_FALSE(test.log->cached({}));
}

TEST_CASE("commit log: fetch reads cold entries, each with its own error", "[store]") {
    store_test test;
    test.options.cache_bytes_max = 0;
    REQUIRE_FALSE(test.open());
    std::vector<read_request> requests;
    for (std::uint64_t i = 1; i <= 50; ++i) {
        const std::string body(i * 100, static_cast<char>('a' + i % 26));
        const std::uint32_t offset = test.write(i, body);
        requests.push_back({test.commit().bytes->at(offset), entry_bytes(body.size())});
        CHECK_FALSE(test.log->cached(requests.back().where));
    }
    requests.push_back({{77, 4096}, 100});                          // no such segment
    requests.push_back({{1, 4096 + 57}, 100});                      // not where an entry begins
    requests.push_back({{1, 64 * 1024 - 10}, 100});                 // behind the end of the file
    requests.push_back({requests[0].where, requests[0].bytes + 1}); // wrong size
    test.files.flip(segment_name(requests[7].where.segment), requests[7].where.offset + 50, 1);
    const auto got = test.fetch(requests);
    REQUIRE(got->entries.size() == 54);
    for (std::size_t i = 0; i < 50; ++i) {
        if (i == 7) continue;
        REQUIRE_FALSE(got->entries[i].error);
        CHECK(got->entries[i].where == requests[i].where);
        CHECK(got->entries[i].entry.position == i + 1);
        CHECK(got->entries[i].entry.body.size() == (i + 1) * 100);
    }
    CHECK(got->entries[7].error == errc::damaged);
    CHECK(got->entries[50].error == errc::not_found);
    for (std::size_t i = 51; i < 54; ++i) CHECK(got->entries[i].error == errc::damaged);
    CHECK(test.fetch({})->entries.empty());
}

TEST_CASE("commit log: durability os completes after the write and syncs by the clock", "[store]") {
    store_test test;
    test.options.mode = durability::os;
    test.options.sync_interval = std::chrono::hours(1);
    REQUIRE_FALSE(test.open());
    const std::uint64_t syncs = test.files.file_syncs();
    for (std::uint64_t i = 1; i <= 5; ++i) test.commit_one(i);
    CHECK(test.files.file_syncs() == syncs);
    test.kill_and_open();
    CHECK(test.positions() == positions{1, 2, 3, 4, 5});
    CHECK(test.log->report().commits_rewritten == 5);
}

TEST_CASE("commit log: durability os leaves a sync mark that proves what stood before", "[store]") {
    store_test test;
    test.options.mode = durability::os;
    test.options.sync_interval = std::chrono::milliseconds(1);
    REQUIRE_FALSE(test.open());
    const std::uint64_t syncs = test.files.file_syncs();
    test.commit_one(1);
    const std::uint64_t changes = test.files.changes();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (test.files.file_syncs() == syncs ||
           test.files.content("0000000001.seg").substr(4096 + 100, 4) == std::string(4, '\0')) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        std::this_thread::yield();
    }
    CHECK(test.files.changes() >= changes);
    test.kill_and_open();
    CHECK(test.positions() == positions{1});
    CHECK(test.log->report().commits_rewritten == 0);
}

TEST_CASE("commit log: in durability os nobody waits for a sync, however long it takes", "[store]") {
    store_test test;
    test.options.mode = durability::os;
    test.options.sync_interval = std::chrono::milliseconds(1);
    REQUIRE_FALSE(test.open());
    test.files.hold_syncs(true);
    test.commit_one(1);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (test.files.syncs_held() == 0) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        std::this_thread::yield();
    }
    for (std::uint64_t i = 2; i <= 5; ++i) test.commit_one(i);
    CHECK(test.files.syncs_held() == 1);
    test.files.hold_syncs(false);
    test.close_and_open();
    CHECK(test.positions() == positions{1, 2, 3, 4, 5});
    CHECK(test.log->report().commits_rewritten == 0);
}

TEST_CASE("commit log: incarnation is new at every open; the directory has one owner", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    const std::uint64_t before = test.log->incarnation();
    support::recording_handler handler;
    support::recording_listener listener;
    const auto second = commit_log::open(test.options, test.files, test.loop.poster(), handler, listener);
    CHECK(second.error() == errc::locked);
    test.close_and_open();
    CHECK(test.log->incarnation() != before);
}

TEST_CASE("commit log: sizes that do not fit are refused", "[store]") {
    store_test test;
    test.options.segment_bytes = 1000;
    CHECK(test.open() == errc::bad_options);
    test.options.segment_bytes = 64 * 1024;
    test.options.batch_bytes_max = 100;
    CHECK(test.open() == errc::bad_options);
}

TEST_CASE("commit log: close delivers everything; calls posted later find nobody and do nothing", "[store]") {
    store_test test;
    REQUIRE_FALSE(test.open());
    for (std::uint64_t i = 1; i <= 10; ++i) {
        test.write(i);
        test.log->flush();
    }
    test.log->close();
    std::size_t entries = 0;
    for (const committed_batch& each : test.listener.batches) entries += each.bytes->entry_count();
    CHECK(entries == 10);
    test.log.reset();
    test.loop.run_ready();
}
