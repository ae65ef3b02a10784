// What CONNECT said, copied because authentication and claim are answered after the packet's bytes are gone. Lives on
// the heap and only until CONNACK, so a connected session does not carry it.
#pragma once

#include "broker/session/session.hpp"

namespace broker::session {

struct session::pending_login {
    std::string client_id;
    std::string will_topic;
    std::string will_payload;
    std::string will_properties; // pass-through ones only
    std::uint32_t will_delay_s = 0;
    std::uint32_t session_expiry_s = 0;
    std::uint16_t keep_alive_s = 0;
    std::uint16_t receive_maximum = 65'535;
    std::uint8_t will_qos = 0;
    bool will_retain = false;
    bool will_payload_is_utf8 = false;
    bool has_will = false;
    bool clean_start = true;
    bool client_id_assigned = false;

    explicit pending_login(const mqtt::connect_packet& packet);
};

} // namespace broker::session
