// What the client sends, and what it may expect of it.
#include "tests/support/session_model.hpp"

#include <algorithm>
#include <memory>

namespace session_model {

using namespace broker;
using session::close_reason;

void model::start(const session::session_settings& settings, const habits& with) {
    session_.reset();
    settings_ = &settings;
    ways = with;
    out_.clear();
    unread_.clear();
    version_ = {};
    client_bytes_max_ = 0xFFFFFFFF;
    client_receive_max_ = 65'535;
    deliveries_max_ = 0;
    problem_information_ = true;
    connect_seen_ = goodbye_seen_ = goodbye_will_ = false;
    login_asked_ = login_open_ = claim_asked_ = claim_open_ = false;
    connected_ = closed_ = will_published_ = connack_seen_ = disconnect_seen_ = malformed_ = false;
    out_at_close_ = bytes_received_ = 0;
    told_.reset();
    expected_told_.reset();
    receipts_.clear();
    deliveries_.clear();
    groups_.clear();
    open_.clear();
    filters_.clear();
    store_refused_ = false;
    next_serial_ = 1;
    packet_inside_ = false;
    pings_ = releases_ = 0;
    due_.reset();
    due_seen_ = may_acknowledge_ = acknowledged_ = false;
    session_.emplace(*this, settings);
}

std::size_t model::waiting_count() const noexcept {
    return static_cast<std::size_t>(std::count_if(
        receipts_.begin(), receipts_.end(), [](const receipt& each) { return each.state == receipt_state::waits; }));
}

model::receipt* model::oldest_waiting() noexcept {
    const auto found = std::find_if(receipts_.begin(), receipts_.end(),
                                    [](const receipt& each) { return each.state == receipt_state::waits; });
    return found == receipts_.end() ? nullptr : &*found;
}

model::group* model::find_group(std::uint32_t serial) noexcept {
    const auto found =
        std::find_if(groups_.begin(), groups_.end(), [serial](const group& each) { return each.serial == serial; });
    return found == groups_.end() ? nullptr : &*found;
}

void model::send(std::string_view bytes) {
    if (closed_) return;
    unread_.append(bytes);
    pump();
}

/// As a connection does: decode while the session takes packets.
void model::pump() {
    while (!closed_ && !it().waiting()) {
        const auto found = mqtt::decode(core::as_bytes(unread_), it().version(), it().packet_bytes_max());
        if (found.need_more) return;
        if (!found.failed()) {
            hand_in(found.consumed);
            continue;
        }
        malformed_ = true;
        if (!connected_ && found.error.code == reason_code::unsupported_protocol_version)
            version_ = mqtt::protocol_version::v3_1_1;
        else if (!connected_)
            version_ = found.error.version;
        it().on_malformed(found.error);
        read_output();
        require(closed_, "the session goes on after bytes that are no packet");
        require(close_reason_ == close_reason::malformed, "malformed bytes, another reason");
    }
}

/// The packet lies in a block of exactly its size that is gone after the call: the sanitizer sees what is read beyond
/// it or later.
void model::hand_in(std::size_t size) {
    std::unique_ptr<std::byte[]> bytes(new std::byte[size]);
    std::transform(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(size), bytes.get(),
                   [](char c) { return static_cast<std::byte>(c); });
    unread_.erase(0, size);
    const auto found = mqtt::decode({bytes.get(), size}, it().version(), it().packet_bytes_max());
    require(found.consumed == size, "the same bytes are another packet");
    expect_effects(found.value);
    packet_inside_ = true;
    it().on_packet(found.value);
    packet_inside_ = false;
    after_packet();
    read_output();
    require(!may_acknowledge_ || acknowledged_ || closed_, "a PUBACK of the client without effect");
    may_acknowledge_ = false;
}

void model::expect_effects(const mqtt::packet& value) {
    if (const auto* connect = std::get_if<mqtt::connect_packet>(&value); connect && !connect_seen_) {
        connect_seen_ = true;
        version_ = connect->version;
        client_bytes_max_ = connect->packet_bytes_max;
        client_receive_max_ = connect->receive_maximum;
        problem_information_ = connect->request_problem_information;
    } else if (const auto* publish = std::get_if<mqtt::publish_packet>(&value); publish && publish->qos == 1) {
        const bool repeats = publish->dup && std::any_of(receipts_.begin(), receipts_.end(), [&](const receipt& each) {
                                 return each.packet_identifier == publish->packet_identifier;
                             });
        if (!repeats) receipts_.push_back({publish->packet_identifier, receipt_state::handed_in, {}, {}});
    } else if (const auto* puback = std::get_if<mqtt::puback_packet>(&value)) {
        const auto found = std::find_if(deliveries_.begin(), deliveries_.end(), [&](const in_flight& each) {
            return each.packet_identifier == puback->packet_identifier;
        });
        if (found == deliveries_.end()) return;
        may_acknowledge_ = true;
        acknowledged_ = false;
        acknowledge_position_ = found->position;
        acknowledge_bytes_ = found->credit_bytes;
        deliveries_.erase(found);
    } else if (const auto* subscribe = std::get_if<mqtt::subscribe_packet>(&value)) {
        expect_answer(subscribe->packet_identifier, subscribe->filters, subscribe->filter_count, false);
        mqtt::subscription_reader entries(*subscribe);
        while (const auto entry = entries.next()) groups_.back().wanted.push_back(static_cast<char>(entry->qos));
        require(groups_.back().wanted.size() == subscribe->filter_count, "another number of filters");
    } else if (const auto* unsubscribe = std::get_if<mqtt::unsubscribe_packet>(&value)) {
        expect_answer(unsubscribe->packet_identifier, unsubscribe->filters, unsubscribe->filter_count, true);
    } else if (const auto* goodbye = std::get_if<mqtt::disconnect_packet>(&value)) {
        goodbye_seen_ = true;
        goodbye_will_ = goodbye->reason != reason_code::normal_disconnection;
    } else if (std::holds_alternative<mqtt::pingreq_packet>(value)) {
        ++pings_;
    } else if (std::holds_alternative<mqtt::pubrel_packet>(value)) {
        ++releases_;
    }
}

void model::expect_answer(std::uint16_t packet_identifier, std::string_view filters, std::size_t count,
                          bool unsubscribe) {
    group& made = groups_.emplace_back();
    made.serial = next_serial_++;
    made.packet_identifier = packet_identifier;
    made.unsubscribe = unsubscribe;
    made.codes.assign(count, not_asked);
    made.filters = filters;
}

void model::after_packet() {
    if (closed_) return;
    for (group& each : groups_) each.filters = {};
    // What the driver did not take was refused on the spot.
    for (receipt& each : receipts_) {
        if (each.state != receipt_state::handed_in) continue;
        require(is_v5(), "a 3.x client cannot be told that its PUBLISH is refused");
        each.state = receipt_state::refused_here;
    }
}

} // namespace session_model
