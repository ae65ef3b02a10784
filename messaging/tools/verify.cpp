#include "messaging/store/errc.hpp"
#include "messaging/store/footer.hpp"
#include "messaging/store/snapshot.hpp"
#include "messaging/tools/offline_store.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <functional>
#include <ostream>

namespace messaging::tools {

namespace {

class verification {
  public:
    verification(offline_store& of, std::ostream& out) : store_(of), out_(out) {}

    core::error_code run() {
        for (const std::uint64_t commit : store_.snapshots()) {
            const auto loaded = store::load_snapshot(store_.files(), commit);
            if (!loaded && loaded.error() == store::errc::newer_format) return loaded.error();
            if (!loaded) complain(fmt::format("{}: {}", store::snapshot_name(commit), loaded.error().message()));
        }
        for (const auto& one : store_.segments())
            if (!one.readable)
                complain(fmt::format("{}: {}", store::segment_name(one.number),
                                     one.header.segment == 0
                                         ? "both headers are damaged"
                                         : "its header states another number: a spare in disguise"));
        progress_line progress;
        return store_.each_segment([this](const segment_content& content) { check(content); }, std::ref(progress));
    }

    int summary() {
        out_ << fmt::format("{} segments, {} snapshots, {} commits, {} messages, {} copies, {} footers: {}\n",
                            store_.segments().size(), store_.snapshots().size(), commits_, messages_, copies_, footers_,
                            damage_ == 0 ? "no damage" : fmt::format("{} damaged places", damage_));
        return damage_ == 0 ? ok : found_damage;
    }

  private:
    void complain(const std::string& what) {
        ++damage_;
        out_ << what << "\n";
    }

    void check(const segment_content& content) {
        const std::string name = store::segment_name(content.of.number);
        for (const auto& range : content.scan.damage)
            complain(fmt::format("{}: damaged from byte {} to {}", name, range.from, range.to));
        if (content.scan.cut_bytes > 0)
            out_ << fmt::format("{}: an unfinished last commit of {} bytes; the next start drops it\n", name,
                                content.scan.cut_bytes);
        commits_ += content.scan.commits.size();
        std::vector<store::indexed_entry> there;
        for (const std::uint32_t offset : content.scan.entries) {
            const auto entry = store::view_entry(content.bytes.data() + offset);
            if (entry.type != store::entry_type::message) continue;
            ++messages_;
            copies_ += (entry.flags & store::entry_flag::copy) != 0 ? 1 : 0;
            there.push_back({entry.position, entry.time_ms, entry.topic, offset, entry.bytes()});
        }
        const auto footer = store::read_footer(content.file, content.of.header.generation, content.scan.end);
        if (!footer) return; // none, or damaged: it costs a scan and no message
        ++footers_;
        const auto same = [](const store::indexed_entry& a, const store::indexed_entry& b) {
            return a.position == b.position && a.topic == b.topic && a.offset == b.offset && a.bytes == b.bytes &&
                   a.time_ms == b.time_ms;
        };
        if (!std::equal(there.begin(), there.end(), footer->begin(), footer->end(), same))
            complain(fmt::format("{}: the footer does not say what the segment holds", name));
    }

    offline_store& store_;
    std::ostream& out_;
    std::uint64_t damage_ = 0;
    std::uint64_t commits_ = 0;
    std::uint64_t messages_ = 0;
    std::uint64_t copies_ = 0;
    std::uint64_t footers_ = 0;
};

} // namespace

int verify(const std::string& directory, std::ostream& out, std::ostream& complaints) {
    auto opened = offline_store::open(directory);
    core::error_code error = opened ? core::error_code{} : opened.error();
    if (opened) {
        verification run(*opened, out);
        error = run.run();
        if (!error) return run.summary();
    }
    complaints << "mqtt-messaging verify: " << directory << ": " << error.message() << "\n";
    return cannot;
}

} // namespace messaging::tools
