// What a run does, and what must be true when the network has come to rest.
#include "tests/property/messaging/link_sim_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace property {

using namespace std::chrono_literals;

void link_sim::step() {
    auto& any = clients_[pick(clients_.size())];
    switch (pick(20)) {
    case 0:
    case 1: return come();
    case 2:
        if (any && (any->claimed || pick(4) == 0))
            leave(static_cast<std::size_t>(&any - clients_.data()), pick(2) == 0);
        return;
    case 3:
    case 4:
        if (any && any->claimed && !any->over && !any->asked) {
            trace("subscribe " + any->client_id);
            any->asked = true;
            relay_->add_filter(*any->member, {"a", 1, false}, 1);
        }
        return;
    case 5:
    case 6:
    case 7:
        while (any && !any->over && !any->held.empty() && pick(4) != 0) {
            relay_->acknowledge(*any->member, any->held.front().first, any->held.front().second);
            any->held.pop_front();
        }
        return;
    case 8: trace("cut"); return network_.cut();
    case 9: trace("network up or down"); return network_.set_down(pick(2) == 0);
    case 10: return advance(std::chrono::milliseconds(pick(1'000)));
    case 11: return pick(6) == 0 ? advance(6s) : advance(100ms);
    case 12:
        if (pick(4) != 0) return;
        ++outages_;
        return kill();
    case 13:
    case 14: return calm();
    case 15:
    case 16: return publish();
    default:
        network_.deliver(&random_);
        for (int i = 0; i < 3; ++i) turn();
        loop_.restart();
        loop_.run_one_for(1ms);
    }
}

/// Whoever still believes to be subscribed gets what is published now.
void link_sim::probe() {
    const auto payload = "probe " + std::to_string(next_++);
    published_[payload];
    record::fields fields;
    fields.qos = 1;
    fields.payload = payload;
    if (!relay_->publish_own("t1", "a", fields)) return complain("the probe was not taken");
    calm();
    std::size_t subscribed = 0;
    for (const auto& one : clients_) {
        if (!one || one->over || !one->subscribed) continue;
        ++subscribed;
        while (!one->held.empty()) {
            relay_->acknowledge(*one->member, one->held.front().first, one->held.front().second);
            one->held.pop_front();
            calm();
        }
        if (!one->payloads.contains(payload)) complain("the stream of " + one->client_id + " is lost in silence");
    }
    std::size_t there = 0;
    for (const auto& [id, one] : hub_->tenants().at("t1")->subscriptions) there += one->claim != 0 ? 1 : 0;
    if (there != subscribed)
        complain("messaging has " + std::to_string(there) + " streams, the broker " + std::to_string(subscribed));
}

void link_sim::check() {
    for (const auto& [payload, fate] : published_) {
        const auto found = stored_.find(payload);
        const auto times = found == stored_.end() ? 0 : found->second.size();
        if (times > (fate.doubtful ? 2U : 1U)) complain(payload + " is stored " + std::to_string(times) + " times");
        if (fate.settled && times == 0) complain(payload + " was settled and is not stored");
    }
    for (const auto& [payload, fate] : wills_) {
        const auto found = stored_.find(payload);
        const auto times = found == stored_.end() ? 0 : static_cast<int>(found->second.size());
        if (times < fate.least || times > fate.most)
            complain(payload + " was published " + std::to_string(times) + " times, not " + std::to_string(fate.least) +
                     " to " + std::to_string(fate.most));
    }
}

std::string link_sim::run() {
    open();
    relay_ = std::make_unique<broker::relay::relay>(loop_.get_executor(), options(), clock_);
    relay_->start();
    calm();
    for (auto left = 20 + pick(100); left > 0 && complaint_.empty(); --left) step();
    if (complaint_.empty()) calm();
    if (complaint_.empty()) probe();
    for (std::size_t i = 0; i < clients_.size(); ++i)
        if (clients_[i]) leave(i, true);
    if (complaint_.empty()) calm();
    if (complaint_.empty()) check();
    network_.set_down(true);
    network_.cut();
    bool stopped = false;
    auto stop = [](broker::relay::relay& one, bool& done) -> asio::awaitable<void> {
        co_await one.stop(0ms);
        done = true;
    };
    asio::co_spawn(loop_, stop(*relay_, stopped), asio::detached);
    if (!until([&] { return stopped && served_->size() == 0; })) complain("the link does not stop");
    relay_.reset();
    served_.reset();
    sessions_.reset();
    hub_.reset();
    loop_.restart();
    loop_.poll();
    return complaint_;
}

} // namespace property
