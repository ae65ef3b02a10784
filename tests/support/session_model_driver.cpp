// What the session asks its driver, and what it may ask when.
#include "broker/mqtt/properties.hpp"
#include "tests/support/session_model.hpp"

#include <algorithm>

namespace session_model {

using namespace broker;
using session::close_reason;

std::string& model::outbox() { return out_; }

std::string model::fresh_client_id() {
    require(!closed_ && !login_asked_, "a client ID is asked for at the wrong time");
    return "made-up-1";
}

void model::authenticate(const session::login_request& request) {
    require(!closed_ && connect_seen_ && !login_asked_, "a login is asked for at the wrong time");
    require(!request.client_id.empty(), "a login without client ID");
    require(request.version == version_, "a login of another version");
    login_asked_ = true;
    login_open_ = !ways.login_at_once;
    if (ways.login_at_once) it().on_authenticated({});
}

void model::claim(const session::claim_request& request) {
    require(!closed_ && login_asked_ && !login_open_ && !claim_asked_, "a claim is asked for at the wrong time");
    require(!request.client_id.empty(), "a claim without client ID");
    if (request.will) {
        require(request.will->qos <= 1, "a will with QoS 2");
        require(mqtt::check_topic_name(request.will->topic, settings_->topics()) == mqtt::topic_verdict::valid,
                "a will that cannot be published");
    }
    claim_asked_ = true;
    claim_open_ = !ways.claim_at_once;
    if (ways.claim_at_once) it().on_claimed({});
}

void model::connected(const session::connection_terms& terms) {
    require(!closed_ && claim_asked_ && !claim_open_ && !connected_, "connected at the wrong time");
    connected_ = true;
    deliveries_max_ = is_v5() ? std::min(client_receive_max_, settings_->deliveries_in_flight_max)
                              : settings_->deliveries_in_flight_3x;
    require(terms.deliveries_in_flight_max == deliveries_max_, "another window than agreed");
    require(terms.version == version_, "another version than agreed");
    if (!ways.deliver_when_connected) return;
    session::delivery first;
    first.topic = "first";
    first.payload = "x";
    first.qos = 1;
    first.position = 0xFFFF'FFFF'FFFF;
    deliver_inside(first);
}

namespace {

bool only_message_properties(std::string_view block) {
    mqtt::property_reader reader(block, mqtt::packet_type::publish);
    for (mqtt::property each; reader.next(each);)
        if (!mqtt::passes_through(each.id)) return false;
    return reader.error() == reason_code::success;
}

} // namespace

bool model::publish(const session::publish_request& request, std::uint16_t packet_identifier) {
    require(!closed_ && connected_ && packet_inside_, "a publish at the wrong time");
    require(request.qos <= 1 && (request.qos == 1) == (packet_identifier != 0), "QoS and identifier do not fit");
    require(mqtt::check_topic_name(request.topic, settings_->topics()) == mqtt::topic_verdict::valid,
            "a publish on a topic that may not be");
    require(is_v5() ? only_message_properties(request.properties) : request.properties.empty(),
            "properties that do not travel");
    if (ways.evict_in_publish) {
        expected_told_ = reason_code::session_taken_over;
        it().on_evicted();
        return ways.takes_publishes;
    }
    if (request.qos == 0 || !ways.takes_publishes) return ways.takes_publishes;
    require(!receipts_.empty(), "a publish that the client did not send");
    receipt& newest = receipts_.back();
    require(newest.state == receipt_state::handed_in && newest.packet_identifier == packet_identifier,
            "another publish than the client sent");
    newest.state = receipt_state::waits;
    if (!ways.settle_at_once || oldest_waiting() != &newest) return true;
    mark_settled(newest, session::publish_verdict::stored, reason_code::success);
    it().on_settled(packet_identifier, {session::publish_verdict::stored, reason_code::success, newest.text});
    return true;
}

/// Filters are asked for in their order, each at most once; those between are answered by the session itself.
std::size_t model::slot_of(group& of, std::string_view filter) {
    while (!of.filters.empty()) {
        core::byte_reader reader(core::as_bytes(of.filters));
        const std::string_view each = reader.text_u16();
        if (!of.unsubscribe) (void)reader.u8();
        of.filters.remove_prefix(of.filters.size() - reader.left());
        const std::size_t slot = of.next_filter++;
        if (each == filter) return slot;
    }
    throw violation("the driver is asked for a filter that the client did not name");
}

void model::ask(std::string_view filter, std::uint8_t qos, std::uint32_t number, bool unsubscribe) {
    require(!closed_ && connected_ && packet_inside_ && !groups_.empty(), "a request at the wrong time");
    group& of = groups_.back();
    require(of.unsubscribe == unsubscribe, "a request of the other kind");
    const std::size_t slot = slot_of(of, filter);
    const bool unique =
        std::none_of(open_.begin(), open_.end(), [number](const question& each) { return each.number == number; });
    require(unique, "the number of a request is in use");
    const bool existed = std::find(filters_.begin(), filters_.end(), filter) != filters_.end();
    if (unsubscribe) {
        require(existed, "the driver is asked to end what it does not have");
        std::erase(filters_, filter);
    } else {
        require(qos == std::min<std::uint8_t>(static_cast<std::uint8_t>(of.wanted[slot]), 1),
                "another QoS than wanted");
        require(mqtt::check_topic_filter(filter, settings_->topics(), is_v5()) == mqtt::topic_verdict::valid,
                "a filter that may not be");
        if (!existed) filters_.emplace_back(filter);
        require(store_refused_ || filters_.size() <= settings_->subscriptions_max, "more subscriptions than allowed");
    }
    ++of.unanswered;
    open_.push_back({number, of.serial, slot, qos, existed, std::string(filter)});
    if (ways.answer_at_once) give_answer(open_.size() - 1, reason_code::success);
}

void model::subscribe(const session::subscribe_request& wanted, std::uint32_t request) {
    ask(wanted.filter, wanted.qos, request, false);
    if (!ways.evict_in_subscribe || closed_) return;
    expected_told_ = reason_code::session_taken_over;
    it().on_evicted();
}

void model::unsubscribe(std::string_view filter, std::uint32_t request) { ask(filter, 0, request, true); }

bool model::has_subscription(std::string_view filter) const {
    require(!closed_, "a call after the end");
    return std::find(filters_.begin(), filters_.end(), filter) != filters_.end();
}

void model::acknowledge(std::uint64_t position, std::uint32_t credit_bytes) {
    require(!closed_ && connected_, "an acknowledgement at the wrong time");
    require(may_acknowledge_ && !acknowledged_, "an acknowledgement of nothing");
    require(position == acknowledge_position_ && credit_bytes == acknowledge_bytes_, "another delivery acknowledged");
    acknowledged_ = true;
}

void model::close(close_reason reason, std::string_view log_text, bool publish_will) {
    require(!closed_, "closed twice");
    closed_ = true;
    close_reason_ = reason;
    will_published_ = publish_will;
    out_at_close_ = out_.size();
    require(!log_text.empty(), "closed without a word");
    if (reason == close_reason::client_disconnected)
        require(goodbye_seen_ && publish_will == goodbye_will_, "the client's DISCONNECT decides about the will");
    else
        require(publish_will == connected_, "a will is due exactly after CONNACK");
}

void model::report(const session::refusal& what) {
    require(!closed_, "a report after the end");
    require(is_failure(what.reason), "a refusal that is none");
}

} // namespace session_model
