// The real file system: the same log on real files.
#include "store_test.hpp"

#include "messaging/store/segment.hpp"
#include "tests/support/temp_dir.hpp"

#include <fstream>

using namespace messaging::store;

TEST_CASE("posix files: read, write, size, rename, list, lock", "[store]") {
    support::temp_dir directory;
    const auto files = make_posix_file_system(directory.path().string());
    CHECK(files->open("none", open_mode::read).error() == boost::system::errc::no_such_file_or_directory);
    auto made = files->open("b", open_mode::create);
    REQUIRE(made);
    REQUIRE_FALSE((*made)->allocate(10'000));
    CHECK((*made)->size().value() == 10'000);
    const std::string text = "hello";
    REQUIRE_FALSE((*made)->write_at(9'998, core::as_bytes(text)));
    REQUIRE_FALSE((*made)->sync());
    std::array<std::byte, 100> room{};
    CHECK((*made)->read_at(9'998, room).value() == 5);
    CHECK(core::as_text({room.data(), 5}) == "hello");
    CHECK((*made)->read_at(20'000, room).value() == 0);
    REQUIRE_FALSE((*made)->allocate(100));
    CHECK((*made)->size().value() == 100);
    REQUIRE_FALSE(files->make_folder("damaged"));
    REQUIRE_FALSE(files->make_folder("damaged"));
    REQUIRE_FALSE(files->rename("b", "a"));
    REQUIRE_FALSE(files->sync_directory(""));
    REQUIRE_FALSE(files->sync_directory("damaged"));
    CHECK(files->list().value() == std::vector<std::string>{"a"});
    {
        const auto held = files->lock();
        REQUIRE(held);
        CHECK(files->lock().error() == errc::locked);
    }
    CHECK(files->lock());
    REQUIRE_FALSE(files->remove("a"));
    CHECK(files->remove("a"));
    CHECK(files->rename("x", "y"));
    CHECK(files->sync_directory("nowhere"));
}

TEST_CASE("posix files: the log survives closing and dying, reads cold entries, recycles", "[store]") {
    support::temp_dir directory;
    const auto files = make_posix_file_system(directory.path().string());
    log_options options;
    options.segment_bytes = 256 * 1024;
    options.cache_bytes_max = 0;
    support::hand_loop loop;
    for (std::uint64_t life = 0; life < 4; ++life) {
        support::recording_handler handler;
        support::recording_listener listener;
        auto opened = commit_log::open(options, *files, loop.poster(), handler, listener);
        REQUIRE(opened);
        const auto& log = *opened;
        REQUIRE(handler.entries.size() == life * 1000);
        std::vector<read_request> requests;
        for (const support::seen_entry& each : handler.entries) {
            REQUIRE(each.body == std::string(300, static_cast<char>('a' + each.position % 26)));
            requests.push_back({each.where, entry_bytes(300)});
        }
        std::shared_ptr<const fetched> got;
        log->fetch(requests, [&](auto answer) { got = std::move(answer); });
        REQUIRE(loop.run_until([&] { return got != nullptr; }));
        for (const fetched_entry& each : got->entries) REQUIRE_FALSE(each.error);
        for (std::uint64_t i = 0; i < 1000; ++i) {
            const std::string body(300, static_cast<char>('a' + i % 26));
            log->append(entry_type::message, 1, i, 0, {core::as_bytes(body)});
            if (i % 50 == 0) log->flush();
        }
        log->flush();
        std::size_t entries = 0;
        REQUIRE(loop.run_until([&] {
            entries = 0;
            for (const committed_batch& each : listener.batches) entries += each.error ? 0 : each.bytes->entry_count();
            return entries == 1000;
        }));
        if (life % 2 == 0) log->close();
    }
}
