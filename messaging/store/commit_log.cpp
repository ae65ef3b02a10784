#include "messaging/store/commit_log.hpp"

#include "messaging/store/batch_cache.hpp"
#include "messaging/store/commit_queue.hpp"
#include "messaging/store/reader.hpp"
#include "messaging/store/segment_table.hpp"

#include <algorithm>
#include <cassert>
#include <optional>
#include <random>

namespace messaging::store {
namespace {

constexpr std::uint32_t segment_bytes_min = 64 * 1024, segment_bytes_max = 1u << 30;
constexpr std::uint32_t batch_bytes_least = 4096;

std::uint64_t system_random() {
    std::random_device source;
    return (std::uint64_t{source()} << 32) | source();
}

} // namespace

struct commit_log::state {
    /// What posted functions hold: here they find out whether the log is still there. Loop only.
    struct gate {
        state* open = nullptr;
    };

    state(log_options wanted, file_system& used, post_function poster, commit_listener& listening,
          std::unique_ptr<directory_lock> held, recovered from, std::uint64_t number)
        : options(std::move(wanted)), files(used), post(std::move(poster)), listener(listening), lock(std::move(held)),
          incarnation(number), report(std::move(from.report)), next_commit(from.next_commit),
          completed_commit(from.next_commit - 1), snapshot_commit(report.snapshot_commit),
          segments(std::move(from.segments)), cache(options.cache_bytes_max), gathering(cache.fresh(next_commit++)) {
        entrance->open = this;
        stats.spare_segments = from.spares.size();
        queue.emplace(files, options, incarnation, from, [this] { post_drain(); });
        cold.emplace(files, [this] { post_drain(); });
    }
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { entrance->open = nullptr; }

    /// Commit and read threads: `post` and `entrance` do not change while they run.
    void post_drain() {
        post([weak = std::weak_ptr<gate>(entrance)] {
            if (const auto strong = weak.lock(); strong && strong->open != nullptr) strong->open->drain();
        });
    }

    void hand_over() {
        commit_job job;
        handed_bytes += gathering->size();
        ++batches_out;
        job.none_failed_since = completed_commit;
        job.may_roll = room_for(1);
        job.bytes = std::move(gathering);
        gathering = cache.fresh(next_commit++);
        queue->push(std::move(job));
    }

    /// Whether so many more segments stay within disk_bytes_max. Spares do not count: they are used first.
    bool room_for(std::uint64_t more) const noexcept {
        if (options.disk_bytes_max == 0) return true;
        return segments.disk_bytes() + more * options.segment_bytes <= options.disk_bytes_max;
    }

    void drain() {
        std::vector<commit_outcome> outcomes = std::move(outcome_buffer);
        queue->take_outcomes(outcomes);
        for (commit_outcome& outcome : outcomes) take(outcome);
        outcomes.clear();
        outcome_buffer = std::move(outcomes);
        std::vector<read_job> answers;
        cold->take_answers(answers);
        for (read_job& answer : answers) answer.answer();
    }

    void take(commit_outcome& outcome) {
        stats.spare_segments = outcome.spares;
        stats.syncs += outcome.syncs;
        const bool sync_failed = outcome.error == errc::sync_failed || outcome.error == errc::read_only;
        if (sync_failed && failure.empty()) failure = make_error_code(errc::sync_failed).message();
        if (outcome.job.what == commit_job::kind::batch) batch_done(outcome);
        if (outcome.job.what == commit_job::kind::snapshot) snapshot_done(outcome);
    }

    void batch_done(commit_outcome& outcome) {
        const std::shared_ptr<batch> bytes = std::move(outcome.job.bytes);
        --batches_out;
        handed_bytes -= bytes->size();
        completed_commit = bytes->commit();
        if (outcome.error)
            ++stats.commits_refused;
        else
            settle(bytes, outcome);
        const committed_batch done{completed_commit,   outcome.error,    outcome.base, bytes,
                                   outcome.write_time, outcome.sync_time};
        listener.on_committed(done);
        if (batches_out == 0 && !gathering->empty()) hand_over();
    }

    void settle(const std::shared_ptr<batch>& bytes, const commit_outcome& outcome) {
        ++stats.commits;
        stats.bytes_written += bytes->size();
        bytes->base_ = outcome.base;
        const bool rolled = outcome.base.segment != segments.newest();
        if (rolled) {
            if (segment_info* const before = segments.find(outcome.previous_end.segment))
                before->content_end = outcome.previous_end.offset;
            segments.begin({outcome.base.segment, outcome.generation, bytes->commit(), outcome.file_bytes});
        }
        segment_info& info = *segments.find(outcome.base.segment);
        info.last_commit = bytes->commit();
        segments.add_live(info, bytes->live_count(), bytes->live_bytes());
        cache.keep(bytes);
        if (rolled) listener.on_rolled(outcome.base.segment);
    }

    void snapshot_done(const commit_outcome& outcome) {
        if (!outcome.error) {
            ++stats.snapshots;
            snapshot_commit = std::max(snapshot_commit, outcome.job.commit);
            recycle();
        }
        listener.on_snapshot_written(outcome.error, outcome.job.commit);
    }

    void recycle() {
        for (const std::uint32_t segment : segments.take_recyclable(snapshot_commit)) {
            commit_job job;
            job.what = commit_job::kind::recycle;
            job.segment = segment;
            queue->push(std::move(job));
        }
    }

    const log_options options;
    file_system& files;
    const post_function post;
    commit_listener& listener;
    std::unique_ptr<directory_lock> lock;
    const std::uint64_t incarnation;
    const recovery_report report;

    std::uint64_t next_commit;
    std::uint64_t completed_commit;
    std::uint64_t snapshot_commit;
    segment_table segments;
    batch_cache cache;
    std::shared_ptr<batch> gathering; ///< never null
    std::size_t batches_out = 0;      ///< with the commit thread
    std::size_t handed_bytes = 0;
    std::string failure;
    bool closed = false;
    log_stats stats;
    std::vector<commit_outcome> outcome_buffer;
    const std::shared_ptr<gate> entrance = std::make_shared<gate>();

    std::optional<commit_queue> queue; // the threads go first
    std::optional<reader> cold;
};

core::result<std::unique_ptr<commit_log>> commit_log::open(log_options options, file_system& files, post_function post,
                                                           recovery_handler& handler, commit_listener& listener) {
    options.batch_bytes_max = std::min(options.batch_bytes_max, options.segment_bytes / 4);
    const bool sizes_fit =
        options.segment_bytes >= segment_bytes_min && options.segment_bytes <= segment_bytes_max &&
        options.batch_bytes_max >= batch_bytes_least &&
        (options.disk_bytes_max == 0 || options.disk_bytes_max / options.segment_bytes >= 2 * reserve_segments);
    if (!sizes_fit) return make_error_code(errc::bad_options);
    if (!options.random) options.random = system_random;
    auto lock = files.lock();
    if (!lock) return lock.error();
    const std::uint64_t incarnation = options.random();
    auto found = recover(files, options, incarnation, handler);
    if (!found) return found.error();
    auto opened = std::make_unique<state>(std::move(options), files, std::move(post), listener, std::move(*lock),
                                          std::move(*found), incarnation);
    return std::make_unique<commit_log>(std::move(opened));
}

commit_log::commit_log(std::unique_ptr<state> opened) : state_(std::move(opened)) {}
commit_log::~commit_log() = default;

std::uint32_t commit_log::append(entry_type type, std::uint32_t topic, std::uint64_t position, std::int64_t time_ms,
                                 std::initializer_list<core::byte_span> body, std::uint8_t flags) {
    std::size_t body_bytes = 0;
    for (const core::byte_span part : body) body_bytes += part.size();
    keep_together(entry_header_bytes + body_bytes);
    entry_view header;
    header.commit = state_->gathering->commit();
    header.type = type;
    header.flags = type == entry_type::message ? static_cast<std::uint8_t>(flags | entry_flag::live) : flags;
    header.topic = topic;
    header.position = position;
    header.time_ms = time_ms;
    return state_->gathering->append(header, body, body_bytes);
}

void commit_log::keep_together(std::size_t bytes) {
    assert(bytes <= entry_bytes_max());
    const batch& gathering = *state_->gathering;
    if (!gathering.empty() && gathering.size() + bytes > state_->options.batch_bytes_max) state_->hand_over();
}

std::uint32_t commit_log::entry_bytes_max() const noexcept {
    return state_->options.batch_bytes_max - static_cast<std::uint32_t>(commit_entry_bytes);
}

std::uint64_t commit_log::gathering() const noexcept { return state_->gathering->commit(); }

std::size_t commit_log::gathered_bytes() const noexcept { return state_->gathering->size(); }

bool commit_log::reserve_reached() const noexcept { return !state_->room_for(reserve_segments); }

void commit_log::flush() {
    if (state_->batches_out == 0 && !state_->gathering->empty() && !state_->closed) state_->hand_over();
}

std::shared_ptr<const batch> commit_log::cached(location where) const { return state_->cache.find(where); }

void commit_log::fetch(std::vector<read_request> requests, fetch_callback callback) {
    read_job job;
    job.items.reserve(requests.size());
    for (const read_request& request : requests) {
        const segment_info* const info = state_->segments.find(request.where.segment);
        job.items.push_back({request, info != nullptr ? info->generation : 0, info != nullptr});
    }
    job.callback = std::move(callback);
    state_->cold->push(std::move(job));
}

void commit_log::retire(location where, std::uint32_t bytes) {
    const segment_info* const emptied = state_->segments.retire(where, bytes);
    if (emptied != nullptr && emptied->last_commit <= state_->snapshot_commit) state_->recycle();
}

std::uint32_t commit_log::sparse_segment() const noexcept {
    const segment_info* const found =
        state_->segments.sparsest(state_->snapshot_commit, !state_->room_for(reserve_segments + 1));
    return found != nullptr ? found->segment : 0;
}

void commit_log::read_index(std::uint32_t segment, index_callback callback) {
    read_job job;
    job.index_of = segment;
    if (const segment_info* const info = state_->segments.find(segment)) {
        job.content_end = info->content_end;
        job.generation = info->generation;
    }
    job.index_ready = std::move(callback);
    state_->cold->push(std::move(job));
}

void commit_log::keep_segment(std::uint32_t segment) noexcept {
    if (segment_info* const info = state_->segments.find(segment)) info->keep = true;
}

void commit_log::write_snapshot(std::string bytes) {
    if (!state_->gathering->empty()) state_->hand_over();
    commit_job job;
    job.what = commit_job::kind::snapshot;
    job.snapshot = std::move(bytes);
    job.commit = state_->gathering->commit() - 1;
    job.none_failed_since = state_->completed_commit;
    state_->queue->push(std::move(job));
}

void commit_log::close() {
    if (state_->closed) return;
    // Callbacks may append what follows from a commit; a bound keeps an owner that never stops from holding us.
    constexpr int rounds_max = 1000;
    flush();
    for (int round = 0; state_->batches_out > 0 && round < rounds_max; ++round) {
        state_->queue->wait_for_outcomes();
        state_->drain();
    }
    state_->closed = true;
    state_->queue->finish();
    state_->cold->finish();
    state_->drain();
}

const std::string& commit_log::failed() const noexcept { return state_->failure; }
std::uint64_t commit_log::incarnation() const noexcept { return state_->incarnation; }
const recovery_report& commit_log::report() const noexcept { return state_->report; }

log_stats commit_log::stats() const {
    log_stats now = state_->stats;
    now.segments = state_->segments.size();
    now.disk_bytes = state_->segments.disk_bytes() + now.spare_segments * std::uint64_t{state_->options.segment_bytes};
    now.live_messages = state_->segments.live_count();
    now.live_bytes = state_->segments.live_bytes();
    now.cache_bytes = state_->cache.bytes();
    now.queued_bytes = state_->handed_bytes + state_->gathering->size();
    return now;
}

} // namespace messaging::store
