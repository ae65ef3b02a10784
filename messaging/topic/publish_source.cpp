#include "messaging/topic/publish_source.hpp"

#include <algorithm>

namespace messaging::topic {

void append_run(std::vector<msg_link::run>& runs, std::uint64_t sequence, msg_link::reason why) {
    if (!runs.empty()) {
        auto& last = runs.back();
        if (last.why == why && last.first + last.length == sequence && last.length != 0xFFFFFFFF) {
            ++last.length;
            return;
        }
    }
    runs.push_back({sequence, 1, why});
}

std::vector<msg_link::run> take_runs_up_to(std::vector<msg_link::run>& runs, std::uint64_t up_to) {
    std::vector<msg_link::run> taken;
    std::size_t whole = 0;
    for (; whole < runs.size() && runs[whole].first <= up_to; ++whole) {
        auto& one = runs[whole];
        const auto here = std::min<std::uint64_t>(one.length, up_to - one.first + 1);
        taken.push_back({one.first, static_cast<std::uint32_t>(here), one.why});
        if (here == one.length) continue;
        one.first += here;
        one.length -= static_cast<std::uint32_t>(here);
        break;
    }
    runs.erase(runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(whole));
    return taken;
}

void publish_source::note(msg_link::reason why) { append_run(noted_, received, why); }

void publish_source::remember(const std::vector<msg_link::run>& runs) {
    if (producer == 0) return;
    constexpr std::uint64_t remembered_frames = 65'536; // the most a client may have unsettled
    constexpr std::size_t remembered_runs = 4'096;      // a client asks only for what it was never told
    for (const auto& one : runs) recent_.push_back(one);
    while (!recent_.empty() && (recent_.size() > remembered_runs ||
                                recent_.front().first + recent_.front().length + remembered_frames < settled))
        recent_.pop_front();
}

} // namespace messaging::topic
