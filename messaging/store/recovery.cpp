#include "messaging/store/recovery.hpp"

#include "common/core/log.hpp"
#include "messaging/store/scan.hpp"
#include "messaging/store/segment_seal.hpp"
#include "messaging/store/snapshot.hpp"

#include <algorithm>

namespace messaging::store {
namespace {

struct found_segment {
    segment_header header;
    std::uint64_t file_bytes = 0;
};

class recovery_run {
  public:
    recovery_run(file_system& files, const log_options& options, std::uint64_t incarnation, recovery_handler& handler)
        : files_(files), options_(options), incarnation_(incarnation), handler_(handler) {}

    core::error_code run() {
        if (const auto error = look_around()) return error;
        if (const auto error = restore_snapshot()) return error;
        if (const auto error = read_headers()) return error;
        for (std::size_t i = 0; i < found_.size(); ++i)
            if (const auto error = replay(i)) return error;
        if (const auto error = begin_fresh()) return error;
        trim_spares();
        return {};
    }

    recovered out;

  private:
    core::error_code look_around() {
        // What the page cache shows of names must be on the disk before anything is decided by it.
        if (files_.sync_directory("")) return errc::sync_failed;
        auto names = files_.list();
        if (!names) return names.error();
        for (const std::string& name : *names) {
            if (const auto segment = segment_of(name, ".seg"))
                numbers_.push_back(*segment);
            else if (const auto spare = segment_of(name, ".free"))
                out.spares.push_back(*spare);
            else if (const auto commit = snapshot_of(name))
                out.snapshots.push_back(*commit);
            else if (name == snapshot_temporary)
                (void)files_.remove(name); // unfinished; a leftover harms nobody
        }
        std::sort(numbers_.begin(), numbers_.end());
        for (const std::uint32_t number : numbers_) highest_ = std::max(highest_, number);
        for (const std::uint32_t number : out.spares) highest_ = std::max(highest_, number);
        std::sort(out.snapshots.begin(), out.snapshots.end());
        return {};
    }

    core::error_code restore_snapshot() {
        for (std::size_t i = out.snapshots.size(); i-- > 0;) {
            const std::uint64_t commit = out.snapshots[i];
            auto body = load_snapshot(files_, commit);
            if (body) {
                out.report.snapshot_commit = commit;
                last_commit_ = commit;
                handler_.on_snapshot(core::as_bytes(*body), commit);
                return {};
            }
            if (body.error() != errc::damaged) return body.error();
            if (const auto error = move_aside(snapshot_name(commit))) return error;
            out.snapshots.erase(out.snapshots.begin() + static_cast<std::ptrdiff_t>(i));
            out.report.older_snapshot_used = true;
        }
        return {};
    }

    core::error_code read_headers() {
        for (const std::uint32_t number : numbers_) {
            const std::string name = segment_name(number);
            auto opened = files_.open(name, open_mode::read);
            if (!opened) return opened.error();
            header_block block{};
            if (const auto got = (*opened)->read_at(0, block); !got) return got.error();
            const auto header = decode_header(block);
            if (header && header->segment == number) {
                const auto size = (*opened)->size();
                if (!size) return size.error();
                found_.push_back({*header, *size});
                bytes_total_ += *size;
            } else if (header) {
                if (const auto error = make_spare(number)) return error;
            } else if (header.error() == errc::damaged) {
                if (const auto error = move_aside(name)) return error;
            } else {
                return header.error();
            }
        }
        return drop_prepared();
    }

    /// The newest segment may be there in name only. Nothing in it was ever synced.
    core::error_code drop_prepared() {
        if (found_.empty() || found_.back().header.begun) return {};
        const found_segment prepared = found_.back();
        found_.pop_back();
        bytes_total_ -= prepared.file_bytes;
        return make_spare(prepared.header.segment);
    }

    core::error_code replay(std::size_t index) {
        const found_segment& found = found_[index];
        const bool last = index + 1 == found_.size();
        if (replay_footer(index)) return {};
        if (const auto error = read_file(found)) return error;
        // Segments before may be gone; the header knows what was good before this one.
        const std::uint64_t before = std::max(scanned_commit_, found.header.commit_before());
        scan_request request{{bytes_.data(), bytes_.size()}, found.header.generation, {}, !last, before};
        if (!last && found_[index + 1].header.previous_segment == found.header.segment)
            request.known_end = found_[index + 1].header.previous_end;
        if (!last) request.commits_up_to = found_[index + 1].header.commit_before();
        const scan_result scan = scan_segment(request);
        scanned_commit_ = scan.last_commit;
        last_commit_ = std::max(last_commit_, scan.last_commit);
        out.report.segments++;
        out.report.commits += scan.commits.size();
        out.report.tail_bytes_cut += scan.cut_bytes;
        if (const auto error = report_damage(found, scan)) return error;
        if (scan.entries.empty() && scan.commits.empty() && scan.damage.empty())
            return make_spare(found.header.segment);
        whole_ = scan.damage.empty();
        deliver_segment(found, scan, last);
        bytes_done_ += found.file_bytes;
        handler_.on_progress(bytes_done_, bytes_total_);
        if (last && !scan.ended) return {};
        // An end entry of the last two may be in the page cache alone; later nothing else would know where they end.
        const bool certainly_synced = index + 2 < found_.size();
        if (scan.ended) return certainly_synced ? core::error_code{} : make_durable(found);
        return write_end(found, scan.end, scan.last_commit);
    }

    /// A sealed segment whose metadata the snapshot covers needs no more than its footer. False: it must be read.
    bool replay_footer(std::size_t index) {
        if (index + 2 >= found_.size()) return false; // of the last two even the end entries may be gone
        const found_segment& found = found_[index];
        const segment_header& next = found_[index + 1].header;
        if (next.previous_segment != found.header.segment) return false;
        if (next.first_commit > out.report.snapshot_commit + 1) return false;
        auto opened = files_.open(segment_name(found.header.segment), open_mode::read);
        if (!opened) return false;
        const auto footer = read_footer(**opened, found.header.generation, next.previous_end);
        if (!footer) {
            ++out.report.footers_missing;
            return false;
        }
        segment_info info{found.header.segment, found.header.generation, next.commit_before(), found.file_bytes};
        info.content_end = next.previous_end;
        for (const indexed_entry& each : *footer) {
            ++info.live_count;
            info.live_bytes += each.bytes;
            ++out.report.entries;
            handler_.on_indexed(each, {info.segment, each.offset});
        }
        out.segments.push_back(info);
        scanned_commit_ = std::max(scanned_commit_, info.last_commit);
        last_commit_ = std::max(last_commit_, info.last_commit);
        chain_segment_ = info.segment;
        chain_end_ = info.content_end;
        ++out.report.segments;
        ++out.report.footers;
        out.report.bytes_read += footer->size() * sizeof(indexed_entry);
        bytes_done_ += found.file_bytes;
        handler_.on_progress(bytes_done_, bytes_total_);
        return true;
    }

    core::error_code read_file(const found_segment& found) {
        auto opened = files_.open(segment_name(found.header.segment), open_mode::read);
        if (!opened) return opened.error();
        bytes_.resize(found.file_bytes);
        const auto got = (*opened)->read_at(0, bytes_);
        if (!got) return got.error();
        bytes_.resize(*got);
        out.report.bytes_read += *got;
        return {};
    }

    /// All of a segment that has a successor; of the last one what is proven, the rest waits for begin_fresh().
    void deliver_segment(const found_segment& found, const scan_result& scan, bool last) {
        std::uint32_t end = scan.end;
        if (last)
            for (const scanned_commit& commit : scan.commits)
                if (commit.commit > scan.synced) {
                    unproven_.push_back(commit);
                    end = std::min(end, commit.offset);
                }
        segment_info info{found.header.segment, found.header.generation, scan.last_commit, found.file_bytes};
        info.content_end = end;
        footer_.clear();
        for (const std::uint32_t offset : scan.entries)
            if (offset < end) deliver(view_entry(bytes_.data() + offset), {info.segment, offset}, info);
        out.segments.push_back(info);
        chain_segment_ = info.segment;
        chain_end_ = end;
        if (last && !scan.ended) open_end_ = found;
    }

    void deliver(const entry_view& entry, location where, segment_info& info) {
        if (entry.live()) {
            ++info.live_count;
            info.live_bytes += entry.bytes();
        }
        footer_.add(entry, where.offset);
        ++out.report.entries;
        handler_.on_entry(entry, where, entry.commit <= out.report.snapshot_commit);
    }

    core::error_code begin_fresh() {
        segment_header header;
        header.segment = highest_ + 1;
        header.generation = options_.random();
        header.first_commit = unproven_.empty() ? last_commit_ + 1 : unproven_.front().commit;
        header.previous_segment = chain_segment_;
        header.previous_end = chain_end_;
        header.incarnation = incarnation_;
        std::uint32_t needed = segment_data_begin + entry_bytes(0);
        for (const scanned_commit& commit : unproven_) needed += 2 * commit.bytes; // and room for their footer
        header.segment_bytes = std::max(options_.segment_bytes, needed);
        // The copies are in the file before it becomes a segment: until then the old place is the one that counts.
        const std::vector<std::byte> copies = copy_unproven(header.generation);
        auto begun = create_segment(files_, header, out.spares, copies);
        if (!begun) return begun.error();
        out.active.header = header;
        out.active.opened = std::move(*begun);
        out.active.offset = segment_data_begin + static_cast<std::uint32_t>(copies.size());
        out.active.synced = last_commit_;
        out.next_commit = last_commit_ + 1;
        out.report.commits_rewritten = unproven_.size();
        if (open_end_) {
            const std::uint64_t proven = unproven_.empty() ? last_commit_ : unproven_.front().commit - 1;
            if (const auto error = write_end(*open_end_, chain_end_, proven)) return error;
        }
        deliver_copies(copies);
        return {};
    }

    std::vector<std::byte> copy_unproven(std::uint64_t generation) const {
        std::vector<std::byte> copies;
        for (const scanned_commit& commit : unproven_) {
            const auto from = bytes_.begin() + commit.offset;
            copies.insert(copies.end(), from, from + commit.bytes);
        }
        for (std::uint32_t at = 0; at < copies.size(); at += entry_length(copies.data() + at))
            seal_entry(copies.data() + at, generation, segment_data_begin + at);
        return copies;
    }

    void deliver_copies(core::byte_span copies) {
        const segment_header& header = out.active.header;
        segment_info info{header.segment, header.generation, last_commit_, header.segment_bytes};
        footer_.clear();
        for (std::uint32_t at = 0; at < copies.size(); at += entry_length(copies.data() + at)) {
            const entry_view entry = view_entry(copies.data() + at);
            if (entry.type != entry_type::commit) deliver(entry, {info.segment, segment_data_begin + at}, info);
        }
        out.segments.push_back(info);
        out.active.footer = std::move(footer_);
    }

    /// Syncs what is there. Written once more it would be at risk: a power cut may spoil the block being written.
    core::error_code make_durable(const found_segment& found) {
        auto opened = files_.open(segment_name(found.header.segment), open_mode::write);
        if (!opened) return opened.error();
        if ((*opened)->sync()) return errc::sync_failed;
        return {};
    }

    core::error_code write_end(const found_segment& found, std::uint32_t offset, std::uint64_t commit) {
        if (offset + entry_header_bytes > found.file_bytes) return {}; // cut short by damage; nothing to protect
        std::optional<footer_draft> footer;
        if (whole_ && offset + footer_.bytes() + entry_header_bytes <= found.file_bytes) footer = footer_;
        auto opened = files_.open(segment_name(found.header.segment), open_mode::write);
        if (!opened) return opened.error();
        return segment_seal(std::move(*opened), found.header.generation, offset, commit, std::move(footer)).finish();
    }

    core::error_code report_damage(const found_segment& found, const scan_result& scan) {
        if (scan.damage.empty()) return {};
        out.report.damaged_places += scan.damage.size();
        for (const damaged_range& range : scan.damage) out.report.damaged_bytes += range.to - range.from;
        const std::string copy = "damaged/" + segment_name(found.header.segment);
        core::log::error("store segment damaged; what is readable is served",
                         {{"segment", found.header.segment},
                          {"first_at", scan.damage.front().from},
                          {"first_bytes", scan.damage.front().to - scan.damage.front().from},
                          {"places", scan.damage.size()},
                          {"copy", copy}});
        out.report.damaged_files.push_back(copy);
        if (files_.open(copy, open_mode::read)) return {}; // the copy of the first time is the better one
        if (const auto error = files_.make_folder("damaged")) return error;
        auto opened = files_.open(copy, open_mode::create);
        if (!opened) return opened.error();
        if (const auto error = (*opened)->write_at(0, bytes_)) return error;
        if (const auto error = (*opened)->sync()) return error;
        return files_.sync_directory("damaged");
    }

    core::error_code move_aside(const std::string& name) {
        core::log::error("store file damaged; set aside", {{"file", name}});
        ++out.report.damaged_places;
        out.report.damaged_files.push_back("damaged/" + name);
        if (const auto error = files_.make_folder("damaged")) return error;
        if (const auto error = files_.rename(name, "damaged/" + name)) return error;
        if (const auto error = files_.sync_directory("damaged")) return error;
        return files_.sync_directory("");
    }

    core::error_code make_spare(std::uint32_t segment) {
        if (const auto error = files_.rename(segment_name(segment), spare_name(segment))) return error;
        out.spares.push_back(segment);
        return {};
    }

    void trim_spares() {
        while (out.spares.size() > options_.spare_segments_max) {
            (void)files_.remove(spare_name(out.spares.back())); // a spare that stays is found at the next start
            out.spares.pop_back();
        }
    }

    file_system& files_;
    const log_options& options_;
    const std::uint64_t incarnation_;
    recovery_handler& handler_;
    std::vector<std::uint32_t> numbers_;
    std::vector<found_segment> found_;
    std::vector<std::byte> bytes_; ///< of the segment being read
    std::vector<scanned_commit> unproven_;
    std::optional<found_segment> open_end_; ///< the last segment, when it lacks its end entry
    footer_draft footer_;                   ///< of the segment delivered last
    bool whole_ = true;                     ///< no damage in it
    std::uint64_t bytes_total_ = 0;
    std::uint64_t bytes_done_ = 0;
    std::uint64_t last_commit_ = 0;    ///< of snapshot and log
    std::uint64_t scanned_commit_ = 0; ///< of the log alone
    std::uint32_t highest_ = 0;
    std::uint32_t chain_segment_ = 0;
    std::uint32_t chain_end_ = 0;
};

} // namespace

core::result<recovered> recover(file_system& files, const log_options& options, std::uint64_t incarnation,
                                recovery_handler& handler) {
    recovery_run run(files, options, incarnation, handler);
    if (const auto error = run.run()) return error;
    const recovery_report& report = run.out.report;
    core::log::info("store recovered", {{"segments", report.segments},
                                        {"footers", report.footers},
                                        {"footers_missing", report.footers_missing},
                                        {"bytes", report.bytes_read},
                                        {"entries", report.entries},
                                        {"commits", report.commits},
                                        {"snapshot", report.snapshot_commit},
                                        {"cut_bytes", report.tail_bytes_cut},
                                        {"rewritten", report.commits_rewritten},
                                        {"damaged_places", report.damaged_places}});
    return std::move(run.out);
}

} // namespace messaging::store
