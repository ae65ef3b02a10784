#include "tests/property/messaging/hub_world.hpp"

#include <tuple>

namespace property {

core::error_code hub_world::open() {
    loop_ = std::make_unique<support::hand_loop>();
    hub = std::make_unique<messaging::topic::hub>(limits, clock, [] {});
    const auto error = hub->open(options, files, loop_->poster());
    if (error) hub.reset();
    return error;
}

void hub_world::end(bool clean) {
    if (hub && clean) hub->close();
    hub.reset();
    loop_.reset();
}

bool hub_world::quiet() {
    const auto progress = [this] {
        const auto log = hub->log().stats();
        const auto& stats = hub->stats();
        return std::tuple(log.commits + log.commits_refused, stats.deliveries, stats.copied_messages,
                          stats.segments_copied);
    };
    auto before = progress();
    for (int calm = 0; calm < 2;) {
        const auto written = [this] {
            hub->flush(); // what answers of the read thread gathered goes, too
            return hub->log().stats().queued_bytes == 0;
        };
        if (!loop_->run_until(written)) return false;
        // The read thread serves in order: behind this answer nothing older is on its way.
        bool passed = false;
        hub->fetch({}, [&](const auto&) { passed = true; });
        if (!loop_->run_until([&] { return passed; })) return false;
        const auto now = progress();
        calm = now == before && hub->log().gathered_bytes() == 0 ? calm + 1 : 0;
        before = now;
    }
    return true;
}

} // namespace property
