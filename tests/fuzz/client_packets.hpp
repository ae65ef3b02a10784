// Packets of a client from a few bytes of a fuzzer's input: lawful ones built here, so that short inputs get far, and
// damaged and raw ones. Header only, for fuzz targets.
#pragma once

#include "broker/mqtt/packet.hpp"
#include "tests/fuzz/byte_source.hpp"

#include <array>
#include <string>
#include <string_view>

namespace fuzzing {

class client_packets {
  public:
    void start() { held_.clear(); }

    /// Topics and filters, good and bad ones.
    static std::string_view name(unsigned which) {
        static const std::string long_name(257, 'l');
        static const std::array<std::string_view, 16> names{
            "a",      "a/b",           "\xC3\xA4/b", "b", "c",    "d",          "e",   "f/g/h",
            "$SYS/x", "$debug/$error", "a/+",        "#", "s/us", "$share/g/a", "a#b", long_name};
        return (which & 31) == 31 ? std::string_view{} : names[which & 15];
    }

    /// The bytes to send next; they live until the next call. `kind` chooses packet and damage.
    std::string_view next(unsigned kind, broker::mqtt::protocol_version version, byte_source& in) {
        v5_ = version == broker::mqtt::protocol_version::v5;
        body_.clear();
        packet_ = held_;
        held_.clear();
        const std::size_t begin = packet_.size();
        build(kind & 15, in);
        const unsigned damage = kind >> 4 & 7;
        if (damage == 6 && packet_.size() > begin) { // one bit
            const std::size_t bit = in.u8() % ((packet_.size() - begin) * 8);
            char& byte = packet_[begin + bit / 8];
            byte = static_cast<char>(byte ^ (1 << (bit % 8)));
        }
        if (damage == 7 && !packet_.empty()) { // the end comes with the next packet
            const std::size_t kept = packet_.size() - in.u8() % packet_.size();
            held_.assign(packet_, kept);
            packet_.resize(kept);
        }
        return packet_;
    }

  private:
    void u16(unsigned value) {
        body_.push_back(static_cast<char>(value >> 8));
        body_.push_back(static_cast<char>(value));
    }
    void text(std::string_view value) {
        u16(static_cast<unsigned>(value.size()));
        body_.append(value);
    }
    void finish(unsigned first_byte) {
        packet_.push_back(static_cast<char>(first_byte));
        std::size_t left = body_.size();
        for (; left > 127; left >>= 7) packet_.push_back(static_cast<char>(left | 0x80));
        packet_.push_back(static_cast<char>(left));
        packet_.append(body_);
    }
    /// A property block from the input as it is; empty for most.
    void properties(byte_source& in, bool wanted) {
        if (!v5_) return;
        const std::string_view block = wanted ? in.bytes(in.u8() & 63) : std::string_view{};
        body_.push_back(static_cast<char>(block.size()));
        body_.append(block);
    }

    void build(unsigned kind, byte_source& in) {
        switch (kind) {
        case 0: return connect(in);
        case 1:
        case 2:
        case 3: return publish(kind, in);
        case 4: return subscribe(in, true);
        case 5: return subscribe(in, false);
        case 6: return acknowledgement(0x40, in.u8(), in, false);
        case 7: return acknowledgement(0x40, in.u8(), in, true);
        case 8: return acknowledgement(0x62, in.u8(), in, false);
        case 9: return finish(0xC0);
        case 10: return disconnect(in);
        case 11: { // body of any packet
            const unsigned first = in.u8();
            body_ = in.bytes(in.u8());
            return finish(first);
        }
        case 12: packet_.append(in.bytes(in.u8())); return; // anything
        case 13: return acknowledgement(0x50, in.u8(), in, false);
        case 14: return finish(in.u8() & 0xF0U);
        default: return repeat(in);
        }
    }

    void connect(byte_source& in) {
        static constexpr std::string_view starts[] = {
            {"\0\6MQIsdp\3", 9}, {"\0\4MQTT\4", 7}, {"\0\4MQTT\5", 7}, {"\0\4MQTT\5", 7}};
        const unsigned bits = in.u8();
        const unsigned flags = in.u8();
        v5_ = (bits & 3) >= 2;
        body_ = starts[bits & 3];
        body_.push_back(static_cast<char>(flags));
        u16(bits & 0x10 ? 0 : 60);
        if (v5_) connect_properties(bits, in);
        text((bits & 0x20) != 0 ? std::string_view{} : (bits & 0xC0) == 0xC0 ? name(15) : "c1");
        if ((flags & 4) != 0) {
            properties(in, (bits & 8) != 0);
            text(name(in.u8()));
            text("gone");
        }
        if ((flags & 0x80) != 0) text("t1/user");
        if ((flags & 0x40) != 0) text("secret");
        finish(0x10);
    }
    /// Receive Maximum, Maximum Packet Size and Request Problem Information are what a session obeys later on.
    void connect_properties(unsigned bits, byte_source& in) {
        if ((bits & 4) == 0) return properties(in, (bits & 8) != 0);
        const unsigned limits = in.u8();
        std::string block;
        if ((limits & 3) != 0) block.append({'\x21', '\0', static_cast<char>(limits & 3)});
        if ((limits & 4) != 0) block.append({'\x17', '\0'});
        if ((limits & 8) != 0) block.append({'\x27', '\0', '\0', '\0', static_cast<char>(in.u8())});
        if ((limits & 16) != 0) block.append({'\x11', '\0', '\0', '\0', '\1'});
        body_.push_back(static_cast<char>(block.size()));
        body_.append(block);
    }

    void publish(unsigned kind, byte_source& in) {
        const unsigned bits = in.u8();
        const unsigned qos = kind == 1 ? 0 : (bits & 0xF0) == 0xF0 ? 2 : 1;
        text(name(bits & 31));
        if (qos != 0) u16(in.u8());
        properties(in, kind == 3);
        body_.append(in.bytes(in.u8() & 7));
        const bool dup = (bits & 0x20) != 0 && qos != 0;
        finish(0x30 | qos << 1 | (dup ? 8U : 0U) | ((bits & 0xC0) == 0x40 ? 1U : 0U));
    }

    void subscribe(byte_source& in, bool with_options) {
        const unsigned bits = in.u8();
        u16(in.u8());
        properties(in, (bits & 0x80) != 0);
        for (unsigned i = 0; i <= (bits & 7); ++i) {
            const unsigned each = in.u8();
            text(name(each & 31));
            if (with_options) body_.push_back(static_cast<char>((bits & 0x40) != 0 ? in.u8() : each >> 6));
        }
        finish(with_options ? 0x82 : 0xA2);
    }

    void acknowledgement(unsigned first_byte, unsigned identifier, byte_source& in, bool with_code) {
        u16(identifier);
        if (with_code && v5_) {
            body_.push_back(static_cast<char>(in.u8()));
            properties(in, true);
        }
        finish(first_byte);
    }

    void disconnect(byte_source& in) {
        const unsigned bits = in.u8();
        if (v5_ && (bits & 3) != 0) {
            body_.push_back(static_cast<char>((bits & 1) != 0 ? 4 : 0));
            properties(in, (bits & 2) != 0);
        }
        finish(0xE0);
    }

    /// Many small packets at once.
    void repeat(byte_source& in) {
        const unsigned bits = in.u8();
        for (unsigned i = 0; i < (bits & 31); ++i) {
            body_.clear();
            if ((bits & 0x80) != 0) {
                finish(0xC0);
                continue;
            }
            text(name((bits & 0x40) != 0 ? 12 : 0));
            u16(i + 1);
            properties(in, false);
            finish(0x32);
        }
    }

    std::string body_;
    std::string packet_;
    std::string held_;
    bool v5_ = false;
};

} // namespace fuzzing
