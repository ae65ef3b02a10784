#include "tests/property/messaging/hub_run.hpp"

#include "tests/property/messaging/hub_run_parts.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace property {

namespace {
constexpr std::uint32_t segment_bytes = 64 * 1024;
}

hub_run::hub_run(std::uint64_t seed, bool flips)
    : random_(seed), flips_(flips), traced_(std::getenv("HUB_TRACE") != nullptr) {
    auto& limits = world_.limits;
    limits.backlog_bytes_per_topic = 20'000 + pick(60'000);
    limits.backlog_bytes_per_tenant = 40'000 + pick(150'000);
    limits.ttl = std::chrono::milliseconds(one_in(2) ? 1'500 + pick(5'000) : 36'000'000);
    auto& options = world_.options;
    options.segment_bytes = segment_bytes;
    options.spare_segments_max = static_cast<std::uint32_t>(1 + pick(3));
    options.cache_bytes_max = pick(60'000);
    std::mt19937_64 generations(seed);
    options.random = [generations]() mutable { return generations(); };
    if (one_in(6)) options.mode = messaging::store::durability::os;
    options.sync_interval = std::chrono::milliseconds(one_in(2) ? 0 : 3'600'000);
    options.side_thread = false; // a seed repeats what it did
    if (one_in(5)) options.disk_bytes_max = (8 + pick(8)) * std::uint64_t{segment_bytes};
    for (std::size_t i = 0; i < 4; ++i) sources_.push_back(std::make_unique<source>(*this, i));
    for (std::size_t i = 0; i < 2; ++i) sources_[i]->producer = 77 + i;
    for (std::size_t i = 0; i < 3; ++i) sinks_.push_back(std::make_unique<sink>(*this, i));
    holder_ = std::make_unique<claims>(*this);
}

hub_run::~hub_run() = default;

void hub_run::complain(const std::string& what) {
    if (complaint_.empty()) complaint_ = what + " [" + place_ + "]";
}

void hub_run::trace(const std::string& what) const {
    if (traced_) std::fprintf(stderr, "%s\n", what.c_str());
}

std::string hub_run::run() {
    const int lives = flips_ ? 1 : 2 + static_cast<int>(pick(3));
    for (int life = 0; life < lives && complaint_.empty(); ++life) live();
    if (complaint_.empty() && flips_) flip_bits();
    last_ = true;
    if (complaint_.empty()) reopen();
    if (complaint_.empty()) drain();
    world_.end(false);
    return complaint_;
}

void hub_run::live() {
    place_ = "opening";
    reopen();
    if (!complaint_.empty()) return;
    plan_faults();
    for (auto left = 10 + pick(50); left > 0 && complaint_.empty(); --left) {
        place_ = "at " + std::to_string(left) + " before the end of a life";
        step();
        note_buried();
        if (complaint_.empty() && !loose_) check_bytes();
    }
    if (complaint_.empty()) end_life();
}

void hub_run::step() {
    switch (pick(32)) {
    case 0:
    case 1: return subscribe();
    case 2:
    case 3: return attach();
    case 4: return detach();
    case 5: return one_in(3) ? remove_subscription() : change_filter();
    case 6: return change_type();
    case 7: return one_in(2) ? seek() : toggle_sink();
    case 8: return toggle_sink();
    case 9: return give_back();
    case 10: return give_back();
    case 11:
    case 12:
    case 13:
    case 14: return acknowledge();
    case 15: return give_credit();
    case 16: return put_state();
    // A will in a refused batch is published again at a moment of the hub's choice, which the oracle cannot follow.
    case 17: return may_refuse_ ? settle() : claim();
    case 18: return may_refuse_ ? settle() : end_claim();
    case 19: return advance(static_cast<std::int64_t>(pick(1'000)));
    case 20: return advance(static_cast<std::int64_t>(100 + pick(3'000)));
    case 21:
    case 22: return checkpoint();
    case 23: return hub().flush();
    case 24:
    case 25:
    case 26: return settle();
    default: return publish();
    }
}

void hub_run::plan_faults() {
    may_refuse_ = frozen_ || world_.options.disk_bytes_max != 0;
    if (flips_) return;
    auto& files = world_.files;
    const auto fault = pick(8);
    trace("fault " + std::to_string(fault));
    switch (fault) {
    case 0: files.freeze_after(pick(40)); break;
    case 1: files.fail_write(pick(8), ENOSPC, pick(6'000)); break;
    case 2: files.fail_write(pick(8), EIO, pick(6'000)); break;
    case 3: files.fail_sync(pick(8)); break;
    case 4: files.limit_bytes(files.bytes() + pick(200'000)); break;
    default: return;
    }
    may_refuse_ = true;
}

/// What was asked for up to now is durable when this returns to us without an error.
void hub_run::checkpoint() {
    hub().when_durable([this, at = version_](core::error_code error) {
        trace("durable " + std::to_string(at) + " " + error.message());
        if (!error) durable_ = std::max(durable_, at);
        if (error && !may_refuse_) complain("the log refused without a fault: " + error.message());
    });
    if (one_in(2)) hub().flush();
}

void hub_run::settle() {
    trace("settle");
    if (!world_.quiet()) return complain("the disk never comes to rest");
    const auto refused = hub().log().stats().commits_refused;
    const bool failed = std::exchange(refused_commits_, refused) != refused;
    for (auto& [id, one] : messages_) {
        if (one.is != message_model::fate::flying) continue;
        if (one.sequence != 0) return complain("message " + std::to_string(id) + " is never settled");
        if (!failed) {
            one.is = message_model::fate::stored;
            continue;
        }
        // A will whose batch may have been refused: it is published again by itself.
        loose_ = true;
        by_position_[one.tenant].erase(one.position);
        one.position = 0;
        refuse(one);
        one.version = ~std::uint64_t{0};
    }
    if (loose_) identify_unknown();
    const bool late = std::any_of(messages_.begin(), messages_.end(), [&](const auto& at) {
        return at.second.is == message_model::fate::stored && at.second.time_ms + world_.limits.ttl.count() <= now();
    });
    if (late) { // what was so long on its way is dropped with the next tick, and what is behind it follows
        advance(0);
        calm_after_ms_ = now() + 300;
    }
    note_buried();
    if (complaint_.empty()) check_progress();
    tidy();
}

void hub_run::advance(std::int64_t ms) {
    trace("advance " + std::to_string(ms));
    world_.clock.advance(std::chrono::milliseconds(ms));
    note_buried();
    const auto change = version();
    for (auto& [name, one] : subscriptions_)
        for (auto& [id, each] : one.needs) each.wanted.written(change);
    expire();
    hub().tick();
    hub().tick(); // the first may have begun in the middle of the topics
    checkpoint();
}

void hub_run::end_life() {
    auto& files = world_.files;
    const bool clean = one_in(4);
    if (clean && !flips_) {
        for (auto& one : sinks_) one->open = false; // a stopping service has closed its connections
        advance(0);
        hub().flush();
    }
    if (flips_) {
        advance(0);
        settle();
    }
    trace(clean ? "stop" : "kill");
    world_.end(clean);
    files.limit_bytes(~std::uint64_t{0});
    if (world_.options.mode == messaging::store::durability::fsync && one_in(2))
        files.power_cut(random_);
    else
        files.kill();
    frozen_ = false;
}

/// At the end everybody reads and acknowledges everything.
void hub_run::drain() {
    place_ = "draining";
    world_.files.kill(); // no fault any more
    may_refuse_ = world_.options.disk_bytes_max != 0;
    for (auto& [name, one] : subscriptions_) {
        if (!one.present.now()) continue;
        consumer_model made;
        made.stream = next_stream_++;
        made.credit = 1'000'000;
        streams_[made.stream] = name;
        one.consumers.push_back(made);
        auto* const with = hub().attach(*real(one), *sinks_[0], made.stream);
        hub().credit(*with, made.credit, 1ULL << 40);
    }
    for (int round = 0; round < 3 && complaint_.empty(); ++round) {
        settle();
        if (complaint_.empty()) check_bytes();
        for (auto& [name, one] : subscriptions_) {
            if (!one.present.now()) continue;
            for (auto& [id, each] : one.needs) {
                if (each.at != need::place::outstanding) continue;
                if (each.wanted.now()) each.wanted.set(unwritten, false);
                each.at = need::place::done;
            }
            hub().acknowledge(*real(one)->consumers.front(), 0, ~std::uint64_t{0});
        }
        advance(1'000);
    }
    if (!complaint_.empty() || flipped_) return;
    check_bytes();
    for (const auto& [id, one] : messages_)
        if (alive(one)) complain("message " + std::to_string(id) + " is still there at the end");
}

} // namespace property
