// A commit log on the faulty file system with a hand-driven loop: what the threads post runs when the test says so.
#pragma once

#include "messaging/store/commit_log.hpp"
#include "tests/support/faulty_file.hpp"

#include <condition_variable>
#include <deque>
#include <functional>

namespace support {

/// Stands for the loop's queue: threads post, the test runs.
class hand_loop {
  public:
    messaging::store::post_function poster() {
        return [this](std::function<void()> work) {
            {
                const std::lock_guard lock(mutex_);
                waiting_.push_back(std::move(work));
            }
            arrived_.notify_one();
        };
    }
    /// Runs what arrives until `done` holds; false when it does not within ten seconds.
    bool run_until(const std::function<bool()>& done) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!done()) {
            std::function<void()> work;
            {
                std::unique_lock lock(mutex_);
                if (!arrived_.wait_until(lock, deadline, [this] { return !waiting_.empty(); })) return false;
                work = std::move(waiting_.front());
                waiting_.pop_front();
            }
            work();
        }
        return true;
    }
    /// Runs what is there now.
    void run_ready() {
        std::deque<std::function<void()>> ready;
        {
            const std::lock_guard lock(mutex_);
            ready.swap(waiting_);
        }
        for (auto& work : ready) work();
    }

  private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<std::function<void()>> waiting_;
};

struct seen_entry {
    std::uint64_t commit = 0;
    messaging::store::entry_type type{};
    std::uint8_t flags = 0;
    std::uint32_t topic = 0;
    std::uint64_t position = 0;
    std::int64_t time_ms = 0;
    std::string body;
    messaging::store::location where;
    bool covered = false;
    std::uint32_t indexed_bytes = 0; ///< known by a footer: no body
};

class recording_handler final : public messaging::store::recovery_handler {
  public:
    void on_snapshot(core::byte_span bytes, std::uint64_t commit) override {
        snapshot = std::string(core::as_text(bytes));
        snapshot_commit = commit;
    }
    void on_entry(const messaging::store::entry_view& entry, messaging::store::location where, bool covered) override {
        entries.push_back({entry.commit, entry.type, entry.flags, entry.topic, entry.position, entry.time_ms,
                           std::string(core::as_text(entry.body)), where, covered});
    }
    void on_indexed(const messaging::store::indexed_entry& entry, messaging::store::location where) override {
        seen_entry seen;
        seen.type = messaging::store::entry_type::message;
        seen.flags = messaging::store::entry_flag::live;
        seen.topic = entry.topic;
        seen.position = entry.position;
        seen.time_ms = entry.time_ms;
        seen.where = where;
        seen.covered = true;
        seen.indexed_bytes = entry.bytes;
        entries.push_back(seen);
    }
    void on_progress(std::uint64_t done, std::uint64_t total) override {
        progress_done = done;
        progress_total = total;
    }

    std::string snapshot;
    std::uint64_t snapshot_commit = 0;
    std::vector<seen_entry> entries;
    std::uint64_t progress_done = 0;
    std::uint64_t progress_total = 0;
};

class recording_listener final : public messaging::store::commit_listener {
  public:
    void on_committed(const messaging::store::committed_batch& done) override {
        batches.push_back(done);
        if (then) then(done);
    }
    void on_rolled(std::uint32_t segment) override { rolled.push_back(segment); }
    void on_snapshot_written(core::error_code error, std::uint64_t commit) override {
        snapshots.push_back({error, commit});
    }

    std::vector<messaging::store::committed_batch> batches;
    std::vector<std::uint32_t> rolled;
    std::vector<std::pair<core::error_code, std::uint64_t>> snapshots;
    std::function<void(const messaging::store::committed_batch&)> then;
};

} // namespace support
