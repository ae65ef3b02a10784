// One or more valid packets of every type for each version, 5.0 with every property its packet may have.
#pragma once

#include "broker/mqtt/packet.hpp"
#include "tests/support/packet_bytes.hpp"

#include <string>
#include <vector>

namespace packet_samples {

struct sample {
    const char* name;
    broker::mqtt::protocol_version version;
    broker::mqtt::packet_type type;
    std::string bytes;
};

inline void add_3x(std::vector<sample>& all, broker::mqtt::protocol_version version) {
    using enum broker::mqtt::packet_type;
    using packet_bytes::hex;
    const bool v3_1 = version == broker::mqtt::protocol_version::v3_1;
    const std::string start = v3_1 ? hex("0006 4d5149736470 03") : hex("0004 4d515454 04");
    const auto add = [&all, version](const char* name, broker::mqtt::packet_type type, std::string bytes) {
        all.push_back({name, version, type, std::move(bytes)});
    };
    add("CONNECT", connect, packet_bytes::packet(0x10, start + hex("02 003c 0003 613162")));
    add("CONNECT will login", connect,
        packet_bytes::packet(0x10, start + hex("ee 000a 0001 63 0003 772f74 0002 0001 0003 742f75 0002 ff00")));
    add("CONNACK", connack, hex("20 02 00 00"));
    add("CONNACK refused", connack, hex("20 02 00 05"));
    add("PUBLISH 0", publish, hex("30 07 0003 612f62 6869"));
    add("PUBLISH 1", publish, hex("3b 07 0003 612f62 1234"));
    add("PUBLISH 2", publish, hex("34 08 0003 612f62 0001 78"));
    add("PUBACK", puback, hex("40 02 1234"));
    add("PUBREC", pubrec, hex("50 02 1234"));
    add("PUBREL", pubrel, hex("62 02 1234"));
    add("PUBCOMP", pubcomp, hex("70 02 1234"));
    add("SUBSCRIBE", subscribe, hex("82 0e 000a 0003 612f62 01 0003 632f23 02"));
    add("SUBACK", suback, hex("90 05 000a 01 02 00"));
    add("UNSUBSCRIBE", unsubscribe, hex("a2 0c 000b 0003 612f62 0003 632f23"));
    add("UNSUBACK", unsuback, hex("b0 02 000b"));
    add("PINGREQ", pingreq, hex("c0 00"));
    add("PINGRESP", pingresp, hex("d0 00"));
    add("DISCONNECT", disconnect, hex("e0 00"));
}

inline void add_v5(std::vector<sample>& all) {
    using enum broker::mqtt::packet_type;
    using packet_bytes::block;
    using packet_bytes::hex;
    using packet_bytes::packet;
    const auto add = [&all](const char* name, broker::mqtt::packet_type type, std::string bytes) {
        all.push_back({name, broker::mqtt::protocol_version::v5, type, std::move(bytes)});
    };
    const std::string start = hex("0004 4d515454 05");
    const std::string user = hex("26 0001 6b 0001 76");
    const std::string reason = hex("1f 0002 6f6b");
    const std::string message = hex("01 01 02 0000000a 03 0001 74 08 0001 72 09 0002 00ff") + user + user;
    add("CONNECT", connect, packet(0x10, start + hex("02 003c 00 0003 613162")));
    add("CONNECT all", connect,
        packet(0x10,
               start + hex("ee 000a") +
                   block(hex("11 00000e10 21 0014 27 00010000 22 000a 19 01 17 00 15 0001 6d 16 0001 64") + user) +
                   hex("0001 63") + block(message + hex("18 00000005")) +
                   hex("0003 772f74 0001 61 0003 742f75 0002 ff00")));
    add("CONNECT taken", connect, // every property but those of extended authentication, which is refused
        packet(0x10, start + hex("ce 000a") + block(hex("11 00000e10 21 0014 27 00010000 22 000a 19 01 17 00") + user) +
                         hex("0001 63") + block(message + hex("18 00000005")) +
                         hex("0003 772f74 0001 61 0003 742f75 0002 ff00")));
    add("CONNACK", connack, hex("20 03 00 00 00"));
    add("CONNACK all", connack,
        packet(0x20,
               hex("01 00") + block(hex("11 00000000 21 0064 24 01 25 00 27 00020000 12 0001 63 22 0005 28 00 29 00"
                                        "2a 00 13 003c 1a 0001 72 1c 0001 73 15 0001 6d 16 0001 64") +
                                    reason + user)));
    add("PUBLISH 0", publish, hex("30 08 0003 612f62 00 6869"));
    add("PUBLISH 1 all", publish,
        packet(0x3b, hex("0003 612f62 1234") + block(message + hex("0b 07 0b 8001 23 0003")) + hex("6869")));
    add("PUBLISH 1 taken", publish, packet(0x32, hex("0003 612f62 1234") + block(message) + hex("6869")));
    add("PUBLISH 2", publish, hex("34 09 0003 612f62 0001 00 78"));
    add("PUBACK short", puback, hex("40 02 1234"));
    add("PUBACK code", puback, hex("40 03 1234 10"));
    add("PUBACK all", puback, packet(0x40, hex("1234 97") + block(reason + user)));
    add("PUBREC all", pubrec, packet(0x50, hex("1234 97") + block(reason + user)));
    add("PUBREL all", pubrel, packet(0x62, hex("1234 92") + block(reason + user)));
    add("PUBCOMP all", pubcomp, packet(0x70, hex("1234 92") + block(reason + user)));
    add("SUBSCRIBE all", subscribe,
        packet(0x82, hex("000a") + block(hex("0b ffffff7f") + user) + hex("0003 612f62 2d 0003 632f23 02")));
    add("SUBSCRIBE taken", subscribe, packet(0x82, hex("000a") + block(user) + hex("0003 612f62 2d 0001 64 00")));
    add("SUBACK all", suback, packet(0x90, hex("000a") + block(reason + user) + hex("01 a2 00")));
    add("UNSUBSCRIBE all", unsubscribe, packet(0xa2, hex("000b") + block(user) + hex("0003 612f62 0003 632f23")));
    add("UNSUBACK all", unsuback, packet(0xb0, hex("000b") + block(reason + user) + hex("00 11")));
    add("PINGREQ", pingreq, hex("c0 00"));
    add("PINGRESP", pingresp, hex("d0 00"));
    add("DISCONNECT short", disconnect, hex("e0 00"));
    add("DISCONNECT code", disconnect, hex("e0 01 04"));
    add("DISCONNECT all", disconnect, packet(0xe0, hex("00") + block(hex("11 00000000 1c 0001 73") + reason + user)));
    add("AUTH short", auth, hex("f0 00"));
    add("AUTH all", auth, packet(0xf0, hex("18") + block(hex("15 0001 6d 16 0001 64") + reason + user)));
}

inline const std::vector<sample>& all() {
    static const std::vector<sample> samples = [] {
        std::vector<sample> list;
        add_3x(list, broker::mqtt::protocol_version::v3_1);
        add_3x(list, broker::mqtt::protocol_version::v3_1_1);
        add_v5(list);
        return list;
    }();
    return samples;
}

} // namespace packet_samples
