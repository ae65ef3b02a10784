#include "tests/property/messaging/link_sim.hpp"

#include "tests/property/messaging/link_sim_client.hpp"

#include <cstdio>
#include <cstdlib>

#include <boost/asio/post.hpp>

namespace property {

using namespace std::chrono_literals;

namespace {
constexpr std::size_t clients_count = 4;

} // namespace

link_sim::link_sim(std::uint64_t seed)
    : random_(seed), network_(loop_.get_executor(), [this](std::unique_ptr<net::websocket> end) {
          messaging::topic::link_permissions who;
          who.may_claim = who.any_tenant = true;
          served_->spawn("link",
                         messaging::endpoint::serve_link(std::move(end), who, "memory", *sessions_, clock_, counters_));
      }) {
    limits_.lease = 5s;
    for (std::size_t i = 0; i < clients_count; ++i) clients_.push_back(nullptr);
}

link_sim::~link_sim() = default;

msg_link::link_options link_sim::options() {
    msg_link::link_options made;
    made.token = "any";
    made.reconnect_first = 1ms;
    made.reconnect_max = 1ms;
    made.connect = [this](net::websocket_target, net::upgrade_refusal*) { return network_.connect(); };
    return made;
}

void link_sim::complain(const std::string& what) {
    if (complaint_.empty()) complaint_ = what;
}

/// With LINK_TRACE in the environment: what is done, line by line.
void link_sim::trace(const std::string& what) const {
    static const bool traced = std::getenv("LINK_TRACE") != nullptr;
    if (traced) std::fprintf(stderr, "%s\n", what.c_str());
}

void link_sim::open() {
    hub_ = std::make_unique<messaging::topic::hub>(limits_, clock_, [this] { kicked_ = true; });
    messaging::store::log_options options;
    options.segment_bytes = 256 * 1024;
    options.side_thread = false;
    const auto error = hub_->open(options, files_, [this](auto work) { asio::post(loop_, std::move(work)); });
    if (error) return complain("messaging does not open: " + error.message());
    sessions_ = std::make_unique<messaging::endpoint::link_sessions>(*hub_, clock_);
    sessions_->recover();
    served_ = std::make_unique<async::task_group>(loop_.get_executor(), "served");
    observer_ = std::make_unique<observer>(*this);
    messaging::topic::subscribe_request request;
    request.tenant = "t1";
    request.name_space = "mqtt";
    request.name = "observer";
    request.durability = msg_link::durability::durable;
    auto why = reason::ok;
    auto* const all = hub_->subscribe(request, why);
    (void)hub_->add_filter(*all, "#", 2, msg_link::start_at::newest);
    observer_->with = hub_->attach(*all, *observer_, 1);
    hub_->credit(*observer_->with, 1ULL << 40, 1ULL << 40);
}

/// SIGKILL of messaging; its files are as the page cache has them.
void link_sim::kill() {
    trace("kill");
    network_.set_down(true);
    network_.cut();
    if (!until([this] { return served_->size() == 0; })) complain("a served link does not end");
    served_.reset();
    sessions_.reset();
    hub_.reset();
    observer_.reset();
    files_.kill();
    network_.set_down(false);
    open();
}

/// One turn of the loop, as the service does it.
void link_sim::turn() {
    loop_.restart();
    loop_.poll();
    if (observer_ && !observer_->due.empty()) {
        const auto due = std::exchange(observer_->due, {});
        for (const auto position : due) hub_->acknowledge(*observer_->with, position, position);
    }
    if (std::exchange(kicked_, false) && hub_) hub_->flush();
}

bool link_sim::until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (true) {
        turn();
        if (done()) return true;
        if (std::chrono::steady_clock::now() > deadline) return false;
        loop_.restart();
        loop_.run_one_for(1ms);
    }
}

/// The network is well, and nothing is on its way anywhere.
void link_sim::calm() {
    trace("calm");
    network_.set_down(false);
    int quiet = 0;
    const bool rested = until([&] {
        network_.deliver(nullptr);
        const bool still = relay_->up() && network_.empty() && !kicked_ && hub_->log().stats().queued_bytes == 0 &&
                           relay_->link().unsettled_frames() == 0;
        quiet = still ? quiet + 1 : 0;
        return quiet > 3;
    });
    if (!rested) complain("the link never comes to rest");
}

void link_sim::advance(std::chrono::milliseconds by) {
    trace("advance " + std::to_string(by.count()) + (relay_->up() ? " up" : " down"));
    clock_.advance(by);
    if (sessions_->connected() == 0) {
        // A lease may end, and with it the watermark: what was not answered may be taken for new.
        ++outages_;
        for (const auto& one : clients_) {
            if (!one) continue;
            if (!one->claimed) one->doubtful = true;
            for (const auto& [identifier, payload] : one->unsettled) published_[payload].doubtful = true;
        }
    }
    hub_->tick();
    sessions_->tick();
    relay_->tick();
    turn();
}

void link_sim::come() {
    const auto number = pick(clients_.size());
    const auto id = "c" + std::to_string(number);
    if (clients_[number] != nullptr) return;
    const auto will = pick(3) == 0 ? std::string() : "will " + std::to_string(next_++);
    trace("come " + id + " " + will);
    clients_[number] = std::make_unique<client>(*this, id, will);
    auto& one = *clients_[number];
    one.member = relay_->join(one);
    broker::session::will_request request;
    request.topic = "wills";
    request.payload = one.will;
    request.qos = 1;
    broker::relay::claim_details details;
    details.tenant = "t1";
    details.client_id = one.client_id;
    details.will = will.empty() ? nullptr : &request;
    relay_->set_window(*one.member, 10, 1 << 20);
    relay_->claim(*one.member, details);
    if (!will.empty()) wills_[will] = {0, 1}; // until it is known how the client ends
}

void link_sim::leave(std::size_t number, bool badly) {
    auto& one = *clients_[number];
    trace("leave " + one.client_id + (badly ? " badly" : "") + (one.claimed ? " claimed" : "") +
          (one.evicted ? " evicted" : ""));
    if (!one.will.empty()) {
        auto& fate = wills_[one.will];
        if (one.claimed && (badly || one.evicted)) fate = {1, 1};
        // Left in good order: none, unless the lease ended before messaging heard of it.
        if (one.claimed && !badly && !one.evicted && outages_ == 0) fate = {0, 0};
        if (one.doubtful) fate.most = 2;
    }
    relay_->leave(one.member, badly);
    clients_[number].reset();
}

void link_sim::publish() {
    auto& one = clients_[pick(clients_.size())];
    if (!one || !one->claimed || one->over) return;
    for (auto left = 1 + pick(4); left > 0; --left) {
        const auto payload = "message " + std::to_string(next_++);
        broker::session::publish_request request;
        request.topic = "a";
        request.payload = payload;
        request.qos = 1;
        const auto identifier = one->next_identifier++;
        if (!relay_->publish(*one->member, request, identifier)) return complain("a QoS 1 publish was not taken");
        trace("publish " + one->client_id + " " + payload);
        one->unsettled.emplace_back(identifier, payload);
        published_[payload];
    }
}

} // namespace property
