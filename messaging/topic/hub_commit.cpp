// Turns and commits: what is gathered, handed to the log, and done when it comes back.
#include "messaging/topic/hub.hpp"

#include "common/core/log.hpp"
#include "common/record/device_topics.hpp"
#include "messaging/topic/journal.hpp"

#include <algorithm>

namespace messaging::topic {

hub::hub(limits defaults, const core::clock& time, std::function<void()> kicked)
    : defaults_(defaults), clock_(time), kicked_(std::move(kicked)) {}
hub::~hub() = default;

void hub::close() {
    if (!log_) return;
    closing_ = true;
    for (auto* one : dirty_cursors_) one->cursor_dirty = true;
    tick();
    flush();
    log_->close();
}

std::int64_t hub::now_ms() const noexcept {
    using namespace std::chrono;
    return base_wall_ms_ + duration_cast<milliseconds>(clock_.now() - base_steady_).count();
}

void hub::kick() {
    if (kick_pending_) return;
    kick_pending_ = true;
    kicked_();
}

void hub::flush() {
    kick_pending_ = false;
    // Who waits for something durable may wait for what is owed.
    if (owes_ && (log_->gathered_bytes() > 0 || !staged_.callbacks.empty())) append_again();
    mark_sources();
    place_staged();
    if (want_snapshot_) {
        want_snapshot_ = false;
        log_->write_snapshot(make_snapshot());
    }
    log_->flush();
}

void hub::tick() {
    for (auto* one : dirty_cursors_) {
        one->cursor_dirty = false;
        scratch_.clear();
        journal::cursor(scratch_, *one);
        append_journal(static_cast<std::uint8_t>(journal::type::cursor), 0, scratch_);
    }
    dirty_cursors_.clear();
    for (auto* one : dirty_marks_) {
        one->mark_dirty = false;
        scratch_.clear();
        journal::number(scratch_, one->read_mark);
        append_journal(static_cast<std::uint8_t>(journal::type::read_mark), one->number, scratch_);
    }
    dirty_marks_.clear();
    wake_due();
    sweep_topics();
    if (snapshot_after_ms_ != 0 && now_ms() >= snapshot_after_ms_) {
        snapshot_after_ms_ = 0;
        want_snapshot_ = true;
        kick();
    }
    watch_disk();
    copy_forward();
    if (log_->gathered_bytes() > 0) kick();
}

void hub::touch(publish_source& source) {
    if (!source.dirty) {
        source.dirty = true;
        dirty_sources_.push_back(&source);
    }
    kick();
}

void hub::forget(publish_source& source) {
    std::erase(dirty_sources_, &source);
    const auto scrub = [&](work& one) {
        for (auto& message : one.messages)
            if (message.source == &source) message.source = nullptr;
        std::erase_if(one.marks, [&](const mark& at) { return at.source == &source; });
    };
    for (auto& one : works_) scrub(one);
    scrub(staged_);
}

void hub::when_durable(std::function<void(core::error_code)> done) {
    staged_.callbacks.push_back(std::move(done));
    kick();
}

/// Every source that was given something in this turn is settled by the commit that carries the turn.
void hub::mark_sources() {
    for (auto* source : dirty_sources_) {
        source->dirty = false;
        auto runs = source->take_runs();
        if (source->producer != 0) {
            scratch_.clear();
            const auto session = source->session_number();
            journal::producer(scratch_, session, source->producer, source->received, runs);
            append_journal(static_cast<std::uint8_t>(journal::type::producer), 0, scratch_);
            auto& known = producers_[session];
            known.producer = source->producer;
            known.settled = source->received;
        }
        staged_.marks.push_back({source, source->received, std::move(runs)});
    }
    dirty_sources_.clear();
}

void hub::place_staged() {
    if (staged_.marks.empty() && staged_.callbacks.empty()) return;
    work* into = nullptr;
    if (log_->gathered_bytes() > 0)
        into = &gathering_work();
    else if (!works_.empty())
        into = &works_.back();
    if (into == nullptr) { // nothing is on its way to the disk: what was asked for is durable already
        auto now = std::move(staged_);
        staged_ = {};
        report(now, failed() ? make_error_code(store::errc::read_only) : core::error_code{});
        return;
    }
    std::move(staged_.marks.begin(), staged_.marks.end(), std::back_inserter(into->marks));
    std::move(staged_.callbacks.begin(), staged_.callbacks.end(), std::back_inserter(into->callbacks));
    staged_.marks.clear();
    staged_.callbacks.clear();
}

hub::work& hub::gathering_work() {
    const auto commit = log_->gathering();
    if (works_.empty() || works_.back().commit != commit) {
        works_.emplace_back();
        works_.back().commit = commit;
    }
    return works_.back();
}

void hub::append_journal(std::uint8_t type, std::uint32_t topic, std::string_view body) {
    if (owes_) append_again();
    (void)log_->append(static_cast<store::entry_type>(type), topic, 0, now_ms(), {core::as_bytes(body)});
    (void)gathering_work();
    kick();
}

void hub::on_committed(const store::committed_batch& done) {
    stats_.commit_ns += static_cast<std::uint64_t>(done.write_time.count());
    stats_.sync_ns += static_cast<std::uint64_t>(done.sync_time.count());
    while (!works_.empty() && works_.front().commit <= done.commit) {
        auto batch = std::move(works_.front());
        works_.pop_front();
        if (done.error)
            refuse_batch(batch, done);
        else
            complete(batch, done);
        report(batch, done.error);
    }
    end_slow_ones();
    flush(); // the log takes the next batch right after this returns: it must carry its marks
}

void hub::complete(work& batch, const store::committed_batch& done) {
    place_copies(batch, done);
    const auto now = now_ms();
    for (const auto& one : batch.messages) {
        auto& to = *one.to;
        --to.committing;
        message stored;
        stored.position = one.position;
        stored.time_ms = one.time_ms;
        stored.where = done.bytes->at(one.offset);
        stored.bytes = one.bytes;
        for (const auto& at : to.edges) stored.pending += one.position > at->start ? 1 : 0;
        stored.pending += to.kept() ? 1 : 0;
        to.messages.push_back(stored);
        dispatch(to, to.messages.back(), done.bytes->body(one.offset), expired(to, one.time_ms, now));
        if (to.kept()) trim_kept(to);
    }
}

void hub::refuse_batch(work& batch, const store::committed_batch& done) {
    if (!batch.copies.empty()) end_copying(true); // the old places stay
    const auto why = done.error == boost::system::errc::no_space_on_device ? msg_link::reason::disk_full
                                                                           : msg_link::reason::store_failed;
    core::log::error("commit failed",
                     {{"commit", done.commit}, {"error", done.error.message()}, {"messages", batch.messages.size()}});
    for (const auto& one : batch.messages) {
        --one.to->committing;
        count_bytes(*one.to, -static_cast<std::int64_t>(one.bytes));
        ++stats_.refused[static_cast<std::size_t>(why)];
        if (one.source != nullptr)
            append_run(one.source->failed_runs, one.sequence, why);
        else if (done.bytes && !one.to->name().starts_with(record::dead_letter_prefix)) // those are tried by `buried`
            owed_.own.push_back({one.to->owner().name, will{one.to->name_space(), one.to->name(),
                                                            std::string(core::as_text(done.bytes->body(one.offset)))}});
    }
    constexpr std::int64_t again_ms = 1'000;
    if (why == msg_link::reason::disk_full) disk_full_until_ms_ = now_ms() + again_ms;
    owed_after_ms_ = now_ms() + again_ms;
    if (done.bytes) log_again(*done.bytes);
}

void hub::report(work& batch, core::error_code error) {
    for (auto& one : batch.marks) settle(one);
    for (auto& done : batch.callbacks) done(error);
}

void hub::settle(mark& one) {
    auto& source = *one.source;
    if (!source.failed_runs.empty()) {
        // Refused by the log after they had been counted as stored; both lists are ascending. A batch may carry several
        // marks: each takes what it covers, and no more.
        const auto failed_here = take_runs_up_to(source.failed_runs, one.up_to);
        std::vector<msg_link::run> all;
        std::merge(one.runs.begin(), one.runs.end(), failed_here.begin(), failed_here.end(), std::back_inserter(all),
                   [](const msg_link::run& a, const msg_link::run& b) { return a.first < b.first; });
        one.runs = std::move(all);
    }
    source.settled = one.up_to;
    source.remember(one.runs);
    source.on_settled(one.up_to, one.runs);
}

void hub::on_rolled(std::uint32_t) { want_snapshot_ = true; }

void hub::on_snapshot_written(core::error_code error, std::uint64_t commit) {
    if (!error) return;
    // Without one nothing is recycled: try until it succeeds.
    constexpr std::int64_t again_ms = 1'000;
    snapshot_after_ms_ = now_ms() + again_ms;
    core::log::warn("snapshot not written", {{"commit", commit}, {"error", error.message()}});
}

std::string hub::make_snapshot() const {
    std::string out;
    std::string body;
    const auto add = [&](journal::type kind, std::uint32_t number = 0) {
        journal::append_to_snapshot(out, kind, number, body);
        body.clear();
    };
    journal::counters(body, next_claim_, next_subscription_, next_topic_);
    add(journal::type::counters);
    for (const auto& [name, owner] : tenants_) {
        journal::tenant_position(body, name, owner->position);
        add(journal::type::tenant);
        for (const auto& [space_name, space] : owner->spaces) {
            for (const auto& [topic_name, one] : space.topics) {
                if (one->number == 0) continue;
                journal::topic_created(body, *one);
                add(journal::type::topic_created, one->number);
                if (one->read_mark == 0) continue;
                journal::number(body, one->read_mark);
                add(journal::type::read_mark, one->number);
            }
            for (const auto& [key, value] : space.state) {
                journal::state(body, name, space_name, key, true, core::as_bytes(value));
                add(journal::type::state);
            }
        }
    }
    for (const auto& [number, one] : claims_) {
        journal::claim_made(body, *one);
        add(journal::type::claim_made);
    }
    for (const auto& [id, one] : subscriptions_) {
        if (one->durability == msg_link::durability::volatile_) continue;
        journal::subscription_created(body, *one);
        add(journal::type::subscription_created);
        journal::subscription_settings(body, *one);
        add(journal::type::subscription_settings);
        for (const auto& filter : one->filters) {
            journal::filter_added(body, id, filter);
            add(journal::type::filter_added);
        }
        journal::cursor(body, *one);
        add(journal::type::cursor);
    }
    for (const auto& [session, known] : producers_) {
        journal::producer(body, session, known.producer, known.settled, known.runs);
        add(journal::type::producer);
    }
    return out;
}

} // namespace messaging::topic
