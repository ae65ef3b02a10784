#include "messaging/store/scan.hpp"

#include "messaging/store/segment.hpp"

#include <algorithm>

namespace messaging::store {
namespace {

class scanner {
  public:
    explicit scanner(const scan_request& request) : request_(request), limit_(request.bytes.size()) {
        if (request.known_end) limit_ = std::min<std::size_t>(limit_, *request.known_end);
        result_.last_commit = request.last_commit;
    }

    scan_result run() {
        std::size_t at = segment_data_begin;
        while (at < limit_ && !result_.ended) {
            const std::size_t next = step(at);
            if (next != at) {
                at = next;
                continue;
            }
            if (!request_.has_successor && !proven_beyond(at)) break;
            const bool all_there = request_.commits_up_to != 0 && result_.last_commit >= request_.commits_up_to;
            if (request_.has_successor && !request_.known_end && all_there) break;
            at = salvage(at);
        }
        finish(at);
        return std::move(result_);
    }

  private:
    std::optional<entry_view> entry_at(std::size_t at) const {
        return check_entry(request_.bytes.subspan(at, limit_ - at), request_.generation,
                           static_cast<std::uint32_t>(at));
    }

    /// Takes the batch or mark at `at`; returns where it ends, or `at` when there is none.
    std::size_t step(std::size_t at) {
        const auto entry = entry_at(at);
        if (!entry) return at;
        switch (entry->type) {
        case entry_type::sync_mark:
            result_.synced = std::max(result_.synced, entry->commit);
            return at + entry->bytes();
        case entry_type::footer: // stands behind all content, which was synced before
            result_.synced = std::max(result_.synced, entry->commit);
            footer_ = {at, at + entry->bytes()};
            return footer_.to;
        case entry_type::segment_end:
            result_.synced = std::max(result_.synced, entry->commit);
            result_.ended = true;
            return at;
        case entry_type::commit: return take_batch(at, *entry);
        default: return at;
        }
    }

    std::size_t take_batch(std::size_t at, const entry_view& first) {
        const auto body = read_commit_body(first.body);
        if (!body || first.commit <= result_.last_commit || body->batch_bytes > limit_ - at) return at;
        const std::size_t entries_before = result_.entries.size();
        const std::size_t end = at + body->batch_bytes;
        std::size_t next = at + first.bytes();
        std::uint32_t count = 0;
        while (next < end) {
            const auto entry = entry_at(next);
            if (!entry || entry->commit != first.commit || next + entry->bytes() > end) break;
            result_.entries.push_back(static_cast<std::uint32_t>(next));
            next += entry->bytes();
            ++count;
        }
        if (next != end || count != body->entry_count) {
            result_.entries.resize(entries_before);
            return at;
        }
        result_.commits.push_back({static_cast<std::uint32_t>(at), body->batch_bytes, first.commit});
        result_.last_commit = first.commit;
        result_.synced = std::max(result_.synced, body->synced);
        return end;
    }

    /// Whether anything valid behind `at` says that more than the last good commit was synced.
    bool proven_beyond(std::size_t at) const {
        const std::byte* bytes = request_.bytes.data();
        for (std::size_t next = at; next + entry_header_bytes <= limit_; ++next) {
            const std::uint32_t length = entry_length(bytes + next);
            if (length != entry_header_bytes && length != commit_entry_bytes) continue;
            const auto entry = entry_at(next);
            if (!entry) continue;
            std::uint64_t synced = 0;
            if (entry->type == entry_type::sync_mark || entry->type == entry_type::segment_end)
                synced = entry->commit;
            else if (entry->type == entry_type::commit)
                if (const auto body = read_commit_body(entry->body)) synced = body->synced;
            if (synced > result_.last_commit) return true;
        }
        return false;
    }

    /// Keeps valid single entries until the next complete batch, mark or end; returns its place or the limit.
    std::size_t salvage(std::size_t at) {
        std::size_t bad_from = at;
        std::uint64_t kept = result_.last_commit;
        while (at < limit_) {
            const auto entry = affordable(at) ? entry_at(at) : std::nullopt;
            if (!entry || !known(entry->type)) {
                ++at;
                continue;
            }
            note_damage(bad_from, at);
            if (entry->type < entry_type::first_of_owner && entry->type != entry_type::message) {
                if (resumes(at, *entry)) return at;
            } else if (entry->commit > result_.last_commit) {
                result_.entries.push_back(static_cast<std::uint32_t>(at));
                kept = std::max(kept, entry->commit);
            }
            at += entry->bytes();
            bad_from = at;
        }
        note_damage(bad_from, limit_);
        result_.last_commit = kept;
        return limit_;
    }

    /// Of the store's own types some mean nothing yet: nothing can be resumed there.
    static bool known(entry_type type) noexcept {
        return type <= entry_type::footer || type >= entry_type::first_of_owner;
    }

    bool resumes(std::size_t at, const entry_view& entry) {
        if (entry.type != entry_type::commit) return true;
        scanner trial(*this);
        return trial.take_batch(at, entry) != at;
    }

    /// Bounds the checksum work, so that bytes made to look like lengths cannot make recovery quadratic.
    bool affordable(std::size_t at) {
        if (limit_ - at < entry_header_bytes) return false;
        const std::uint32_t length = entry_length(request_.bytes.data() + at);
        if (length < entry_header_bytes || length > limit_ - at) return false;
        if (length <= commit_entry_bytes) return true;
        if (length > work_left_) return false;
        work_left_ -= length;
        return true;
    }

    void note_damage(std::size_t from, std::size_t to) {
        if (from == to) return;
        result_.damage.push_back({static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to)});
    }

    void finish(std::size_t at) {
        if (at == footer_.to) at = footer_.from; // content ends before it
        result_.end = static_cast<std::uint32_t>(at);
        if (request_.known_end && *request_.known_end > at) {
            note_damage(at, *request_.known_end); // the file is shorter than its content was
            result_.end = *request_.known_end;
        }
        if (!request_.has_successor && !result_.ended) {
            const auto torn = at < limit_ ? entry_at(at) : std::nullopt;
            if (torn && torn->type == entry_type::commit && torn->commit > result_.last_commit)
                if (const auto body = read_commit_body(torn->body)) result_.cut_bytes = body->batch_bytes;
        }
        if (request_.known_end && !result_.ended && *request_.known_end < request_.bytes.size()) {
            std::uint32_t end = *request_.known_end;
            auto last = check_entry(request_.bytes.subspan(end), request_.generation, end);
            if (last && last->type == entry_type::footer) {
                end += last->bytes();
                last = check_entry(request_.bytes.subspan(end), request_.generation, end);
            }
            result_.ended = last && last->type == entry_type::segment_end;
        }
    }

    scan_request request_;
    std::size_t limit_;
    scan_result result_;
    struct {
        std::size_t from = 0;
        std::size_t to = 0;
    } footer_;
    std::uint64_t work_left_ = std::uint64_t{1} << 32;
};

} // namespace

scan_result scan_segment(const scan_request& request) { return scanner(request).run(); }

} // namespace messaging::store
