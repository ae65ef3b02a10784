// Random appends, commits, faults and crashes against an oracle: everything whose completion was reported is there, in
// order, unchanged; no commit is there in part; nothing retired and recycled disturbs the rest. Live messages are
// copied forward all the time, as the hub does: the newest place counts, wherever the crash comes.
#include "common/core/log.hpp"
#include "tests/support/store_fixture.hpp"

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <set>

using namespace messaging::store;

namespace {

std::string body_of(std::uint64_t position, std::uint64_t salt) {
    std::mt19937_64 random(position * 31 + salt);
    std::string body(random() % 3 == 0 ? random() % 9000 : random() % 200, '\0');
    for (char& each : body) each = static_cast<char>(random());
    return body;
}

class crash_run {
  public:
    explicit crash_run(std::uint64_t seed) : seed_(seed), random_(seed) {
        options_.segment_bytes = 64 * 1024;
        options_.spare_segments_max = static_cast<std::uint32_t>(1 + random_() % 3);
        options_.cache_bytes_max = random_() % 50'000;
        // One source for all lives: a generation that came back would let bytes of an earlier life pass as good.
        options_.random = [generations = std::make_shared<std::mt19937_64>(seed)] { return (*generations)(); };
        if (random_() % 4 == 0) options_.mode = durability::os;
        options_.sync_interval = std::chrono::milliseconds(random_() % 2 == 0 ? 0 : 3'600'000);
        // Not, so that a seed repeats what it did; STORE_THREADS=1: in a quarter of the runs.
        const bool threads = random_() % 4 == 0;
        options_.side_thread = threads && std::getenv("STORE_THREADS") != nullptr;
    }

    /// Empty when all held, else what did not.
    std::string run() {
        const int lives = 2 + static_cast<int>(random_() % 4);
        for (int life = 0; life < lives && complaint_.empty(); ++life) {
            live();
            if (complaint_.empty()) check();
        }
        return complaint_;
    }

  private:
    enum class fate { acknowledged, refused, unknown };
    struct batch_record {
        struct item {
            std::uint64_t position;
            bool copy;
        };
        std::vector<std::uint64_t> positions; ///< new ones
        std::vector<item> entries;            ///< all of them, in order
        fate known = fate::unknown;
    };

    void live() {
        support::recording_listener listener;
        support::recording_handler handler;
        listener.then = [&](const committed_batch& done) { settle(done); };
        if (random_() % 3 == 0) files_.freeze_after(random_() % 16); // die while recovering
        auto opened = commit_log::open(options_, files_, loop_.poster(), handler, listener);
        if (opened) {
            log_ = opened->get();
            where_.clear();
            for (const auto& each : handler.entries) {
                const auto [at, first] = where_.try_emplace(each.position, each.where);
                if (first) continue;
                retire(each.position, at->second); // copied and not recycled yet
                at->second = each.where;
            }
            work(**opened, listener);
            end(**opened);
        }
        opened = make_error_code(errc::closed);
        loop_.run_ready();
        const bool power_safe = options_.mode == durability::fsync;
        if (power_safe && random_() % 2 == 0)
            files_.power_cut(random_);
        else
            files_.kill();
    }

    void work(commit_log& log, support::recording_listener& listener) {
        plan_faults();
        const int steps = 5 + static_cast<int>(random_() % 60);
        for (int step = 0; step < steps; ++step) {
            switch (random_() % 10) {
            case 0: loop_.run_ready(); break;
            case 1: wait_for_batch(log, listener); break;
            case 2:
            case 3: log.flush(); break;
            case 4:
                if (random_() % 3 == 0) log.write_snapshot("up to " + std::to_string(next_position_));
                break;
            case 5: retire_some(); break;
            case 6: copy_some(log); break;
            default: append(log); break;
            }
        }
    }

    void plan_faults() {
        switch (random_() % 6) {
        case 0:
        case 1: files_.freeze_after(random_() % 40); break;
        case 2: files_.fail_write(random_() % 6, ENOSPC, random_() % 3000); break;
        case 3: files_.fail_sync(random_() % 6); break;
        default: break;
        }
    }

    void append(commit_log& log) {
        const std::uint64_t position = next_position_++;
        const std::string body = body_of(position, seed_);
        log.append(entry_type::message, 1, position, 0, {core::as_bytes(body)});
        batch_record& record = batches_[{life_, log.gathering()}];
        record.positions.push_back(position);
        record.entries.push_back({position, false});
    }

    void copy_some(commit_log& log) {
        for (int i = 0; i < 3 && !where_.empty(); ++i) {
            auto each = where_.lower_bound(random_() % next_position_);
            if (each == where_.end()) each = where_.begin();
            const std::uint64_t position = each->first;
            const std::string body = body_of(position, seed_);
            log.append(entry_type::message, 1, position, 0, {core::as_bytes(body)}, entry_flag::copy);
            batches_[{life_, log.gathering()}].entries.push_back({position, true});
            copied_.insert(position);
        }
    }

    void wait_for_batch(commit_log& log, support::recording_listener& listener) {
        const std::size_t before = listener.batches.size();
        if (log.stats().queued_bytes == 0) return;
        log.flush();
        if (!loop_.run_until([&] { return listener.batches.size() > before; })) complain("a batch never came back");
    }

    void retire_some() {
        for (int i = 0; i < 5 && !where_.empty(); ++i) {
            const auto [position, where] = *where_.begin();
            retire(position, where);
            retired_.insert(position);
            where_.erase(where_.begin());
        }
    }

    void settle(const committed_batch& done) {
        batch_record& record = batches_[{life_, done.commit}];
        record.known = done.error ? fate::refused : fate::acknowledged;
        if (done.error == errc::sync_failed) record.known = fate::unknown;
        if (done.error) return;
        std::uint32_t offset = commit_entry_bytes;
        for (const auto& [position, copy] : record.entries) {
            const location to = done.bytes->at(offset);
            offset += done.bytes->entry(offset).bytes();
            const auto old = where_.find(position);
            if (copy && old == where_.end()) {
                retire(position, to); // it ended while its copy was on the way
                continue;
            }
            if (copy) retire(position, old->second);
            where_[position] = to;
        }
    }

    void retire(std::uint64_t position, location where) {
        log_->retire(where, entry_bytes(body_of(position, seed_).size()));
    }

    void end(commit_log& log) {
        if (random_() % 3 == 0) log.close();
        ++life_;
    }

    void check() {
        support::recording_listener listener;
        support::recording_handler handler;
        auto opened = commit_log::open(options_, files_, loop_.poster(), handler, listener);
        if (!opened) {
            complain("does not open: " + opened.error().message());
            return;
        }
        if ((*opened)->report().damaged_places != 0) complain("calls a crash corruption");
        std::set<std::uint64_t> found;
        std::uint64_t last = 0;
        for (const auto& each : handler.entries) {
            if (!copied_.contains(each.position)) {
                if (each.position <= last) complain("order lost at " + std::to_string(each.position));
                last = each.position;
            }
            if (each.indexed_bytes != 0)
                read_by_index(**opened, each);
            else if (each.body != body_of(each.position, seed_))
                complain("bytes changed");
            found.insert(each.position);
        }
        for (auto& [key, record] : batches_) compare(record, found);
        (*opened)->close();
    }

    /// A footer told of it: what lies there is read as the hub would.
    void read_by_index(commit_log& log, const support::seen_entry& each) {
        std::shared_ptr<const fetched> got;
        log.fetch({{each.where, each.indexed_bytes}}, [&](auto answer) { got = std::move(answer); });
        if (!loop_.run_until([&] { return got != nullptr; })) return complain("a read never came back");
        const fetched_entry& read = got->entries.front();
        if (read.error || read.entry.position != each.position) return complain("footer points to something else");
        if (core::as_text(read.entry.body) != body_of(each.position, seed_)) complain("bytes changed behind a footer");
    }

    void complain(const std::string& what) {
        if (complaint_.empty()) complaint_ = what;
    }

    void compare(batch_record& record, const std::set<std::uint64_t>& found) {
        std::size_t there = 0, gone = 0;
        for (const std::uint64_t position : record.positions) {
            if (found.contains(position))
                ++there;
            else if (!retired_.contains(position))
                ++gone;
        }
        if (record.known == fate::acknowledged && gone > 0)
            complain("lost " + std::to_string(record.positions.front()));
        if (there > 0 && gone > 0) complain("a commit in part");
        // What was seen once is there for good, what was not never comes.
        record.known = there > 0 ? fate::acknowledged : record.known;
        if (there == 0 && gone > 0) {
            if (record.known == fate::unknown) record.positions.clear();
        }
    }

    std::uint64_t seed_;
    std::mt19937_64 random_;
    log_options options_;
    support::faulty_file_system files_;
    support::hand_loop loop_;
    std::map<std::pair<int, std::uint64_t>, batch_record> batches_;
    std::map<std::uint64_t, location> where_;
    std::set<std::uint64_t> retired_;
    std::set<std::uint64_t> copied_;
    commit_log* log_ = nullptr;
    std::uint64_t next_position_ = 1;
    int life_ = 0;
    std::string complaint_;
};

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

} // namespace

TEST_CASE("store: no crash loses, reorders, splits or changes what was acknowledged", "[store][property]") {
    // STORE_SEED=n STORE_RUNS=1 repeats one run.
    core::log::start("property", core::log::level::off);
    const std::uint64_t first = number_from("STORE_SEED", std::random_device{}());
    const std::uint64_t runs = number_from("STORE_RUNS", 2000);
    for (std::uint64_t seed = first; seed < first + runs; ++seed) {
        const std::string complaint = crash_run(seed).run();
        INFO("STORE_SEED=" << seed);
        REQUIRE(complaint == "");
    }
    SUCCEED("seeds " << first << " to " << first + runs - 1);
}
