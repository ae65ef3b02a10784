// Verbs for the tests of the commit log: open, write, commit, crash, reopen.
#pragma once

#include "tests/support/store_fixture.hpp"

#include <catch2/catch.hpp>

namespace support {

class store_test {
  public:
    store_test() {
        options.segment_bytes = 64 * 1024;
        options.random = [this] { return random(); };
    }

    core::error_code open() {
        handler = {};
        listener = {};
        auto opened = messaging::store::commit_log::open(options, files, loop.poster(), handler, listener);
        if (!opened) return opened.error();
        log = std::move(*opened);
        return {};
    }
    /// Appends a message; its position tells it apart.
    std::uint32_t write(std::uint64_t position, const std::string& body = "body") {
        return log->append(messaging::store::entry_type::message, 1, position, 5, {core::as_bytes(body)});
    }
    /// Flushes and waits until the batch that was being gathered came back.
    messaging::store::committed_batch commit() {
        const std::uint64_t number = log->gathering();
        log->flush();
        REQUIRE(loop.run_until([&] { return !listener.batches.empty() && listener.batches.back().commit >= number; }));
        return listener.batches.back();
    }
    void commit_one(std::uint64_t position, const std::string& body = "body") {
        write(position, body);
        REQUIRE_FALSE(commit().error);
    }
    void kill_and_open() {
        log.reset();
        files.kill();
        REQUIRE_FALSE(open());
    }
    void close_and_open() {
        log->close();
        log.reset();
        REQUIRE_FALSE(open());
    }
    std::vector<std::uint64_t> positions() const {
        std::vector<std::uint64_t> all;
        for (const seen_entry& entry : handler.entries) all.push_back(entry.position);
        return all;
    }
    std::shared_ptr<const messaging::store::fetched> fetch(std::vector<messaging::store::read_request> requests) {
        std::shared_ptr<const messaging::store::fetched> got;
        log->fetch(std::move(requests), [&](auto answer) { got = std::move(answer); });
        REQUIRE(loop.run_until([&] { return got != nullptr; }));
        return got;
    }
    core::error_code snapshot(const std::string& bytes) {
        const std::size_t before = listener.snapshots.size();
        log->write_snapshot(bytes);
        REQUIRE(loop.run_until([&] { return listener.snapshots.size() > before; }));
        return listener.snapshots.back().first;
    }

    std::mt19937_64 random{42};
    messaging::store::log_options options;
    faulty_file_system files;
    hand_loop loop;
    recording_handler handler;
    recording_listener listener;
    std::unique_ptr<messaging::store::commit_log> log; // goes first: its threads use the rest
};

using positions = std::vector<std::uint64_t>;

} // namespace support
