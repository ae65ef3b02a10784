// An MQTT client's connection as the relay sees it, and the observer of what is stored.
#pragma once

#include "common/record/record.hpp"
#include "tests/property/messaging/link_sim.hpp"

#include <deque>

namespace property {

class link_sim::client final : public broker::relay::delivery_sink {
  public:
    client(link_sim& sim, std::string id, std::string will_text)
        : client_id(std::move(id)), will(std::move(will_text)), sim_(sim) {}

    void on_claimed(reason why) override {
        if (claimed || over) sim_.complain(client_id + " is claimed twice");
        sim_.trace(client_id + " claimed " + std::string(msg_link::name(why)));
        claimed = why == reason::ok;
        if (!claimed) over = true;
    }
    void on_evicted(reason why) override {
        if (why == reason::ok) sim_.complain(client_id + " is evicted without a reason");
        sim_.trace(client_id + " evicted " + std::string(msg_link::name(why)));
        evicted = over = true;
    }
    void on_settled(std::uint16_t identifier, reason why, std::string_view) override {
        if (unsettled.empty() || unsettled.front().first != identifier)
            return sim_.complain(client_id + " has a publish settled out of order");
        sim_.trace(client_id + " settled " + unsettled.front().second + " " + std::string(msg_link::name(why)));
        if (why == reason::ok) sim_.published_[unsettled.front().second].settled = true;
        unsettled.pop_front();
    }
    void on_filter_done(std::uint32_t, bool added, std::string_view, reason why) override {
        sim_.trace(client_id + " filter done " + std::string(msg_link::name(why)));
        if (added && why == reason::ok) subscribed = true;
        if (added && why != reason::ok) over = true;
    }
    void on_stream_ended(reason why) override {
        if (why == reason::ok) sim_.complain(client_id + " has its stream ended without a reason");
        sim_.trace(client_id + " stream ended " + std::string(msg_link::name(why)));
        stream_ended = over = true;
    }
    broker::session::delivery_result on_deliver(const broker::session::delivery& message) override {
        if (over) sim_.complain(client_id + " gets a message after its end");
        if (!seen.insert(message.position).second)
            sim_.complain(client_id + " gets position " + std::to_string(message.position) + " twice");
        payloads.emplace(message.payload);
        if (message.position < newest) sim_.complain(client_id + " gets an older message behind a newer one");
        newest = message.position;
        held.emplace_back(message.position, message.credit_bytes);
        return broker::session::delivery_result::awaits_puback;
    }
    void on_paced() override {}
    void on_relay_progress() override {}

    std::string client_id;
    std::string will; ///< empty: none
    broker::relay::member* member = nullptr;
    bool claimed = false;
    bool asked = false; ///< for its filter
    bool subscribed = false;
    bool evicted = false;
    bool stream_ended = false;
    bool over = false;
    bool doubtful = false; ///< a lease may have ended before its claim was answered
    std::uint16_t next_identifier = 1;
    std::uint64_t newest = 0;
    std::deque<std::pair<std::uint16_t, std::string>> unsettled;
    std::set<std::uint64_t> seen;
    std::set<std::string, std::less<>> payloads;
    std::deque<std::pair<std::uint64_t, std::uint32_t>> held; ///< position and credit

  private:
    link_sim& sim_;
};

class link_sim::observer final : public messaging::topic::delivery_sink {
  public:
    explicit observer(link_sim& sim) : sim_(sim) {}
    bool ready() const noexcept override { return true; }
    void deliver(const std::vector<std::uint32_t>&, const messaging::topic::topic&, std::uint64_t position,
                 std::uint8_t, core::byte_span record) override {
        const auto fields = record::parse(record);
        sim_.stored_[std::string(fields->payload)].insert(position);
        sim_.trace("stored " + std::string(fields->payload) + " at " + std::to_string(position));
        due.push_back(position);
    }
    void ended(std::uint32_t, msg_link::reason, std::string_view) override { sim_.complain("the observer was ended"); }

    messaging::topic::consumer* with = nullptr;
    std::vector<std::uint64_t> due; ///< to be acknowledged

  private:
    link_sim& sim_;
};

} // namespace property
