// Two links that say anything in any order: whole frames of every type with small values, raw bytes between them, cuts
// and resumes, commits, time. What the server says must decode; a tenant's account must stay exact; what was wrong ends
// that link and nothing else.
#include "common/record/record.hpp"
#include "tests/fuzz/byte_source.hpp"
#include "tests/fuzz/memory_hub.hpp"

#include <array>
#include <cstdint>

namespace {

using namespace msg_link;
using fuzzing::byte_source;

constexpr int inputs_per_hub = 500;
constexpr std::array<std::string_view, 4> tenants = {"t1", "t2", "", "t3\xFF"};
constexpr std::array<std::string_view, 4> spaces = {"mqtt", "relnotif", "$management", ""};
constexpr std::array<std::string_view, 16> names = {
    "a",           "a/b",           "a/+",    "a/#",  "#", "+", "$debug/$error", "$dead/s", "to-device",
    "from-device", "from-device/x", "alarms", "a//b", "/", "",  "\xC3\x28"};

class peer {
  public:
    peer(fuzzing::memory_hub& at, std::uint64_t number, bool broker) : at_(at), number_(number) {
        who_.may_claim = broker;
        who_.any_tenant = broker;
        if (!broker) who_.tenants = {"t2"};
    }

    void act(byte_source& in) {
        if (!connected_) {
            connect(in);
            return;
        }
        switch (in.u8() % 20) {
        case 0: raw(in); break;
        case 1:
            encode(out_, type::topic, topic{in.u8() % 6u, pick(tenants, in), pick(spaces, in), pick(names, in)});
            break;
        case 2:
        case 3:
        case 4: publish_one(in); break;
        case 5: encode_topic_close(out_, in.u8() % 6u); break;
        case 6: claim_one(in); break;
        case 7: encode(out_, release{small(in), (in.u8() & 1) != 0}); break;
        case 8:
        case 9: subscribe_one(in); break;
        case 10:
            encode_filter_add(out_, {in.u8() % 6u, in.u8(), static_cast<std::uint8_t>(in.u8() % 3), pick(names, in)});
            break;
        case 11: encode_filter_remove(out_, {in.u8() % 6u, in.u8(), 0, pick(names, in)}); break;
        case 12: encode(out_, credit{in.u8() % 6u, small(in), small(in) * 64}); break;
        case 13: acknowledge_some(in); break;
        case 14: encode(out_, stream_close{in.u8() % 6u, (in.u8() & 1) != 0}); break;
        case 15: encode(out_, seek{in.u8() % 6u, static_cast<seek_to>(in.u8() % 4), small(in)}); break;
        case 16: state_one(in); break;
        case 17: encode(out_, window{in.u8() * 16u, in.u8() * 64u}); break;
        case 18: cut(); break;
        default: break;
        }
        deliver_frames();
    }
    /// All that the server has for us must be whole and of its type's shape.
    void read() {
        if (!connected_) return;
        auto& output = at_.sessions->find_or_make(number_).output();
        std::string batch;
        while (output.take(batch)) {
            auto bytes = core::as_bytes(batch);
            raw_frame frame;
            while (next_frame(bytes, frame))
                if (!understood(frame)) std::abort();
            if (!bytes.empty()) std::abort();
        }
    }
    void cut() {
        out_.clear();
        if (!connected_) return;
        connected_ = false;
        at_.sessions->find_or_make(number_).disconnect(at_.clock.now());
    }

  private:
    template <std::size_t Count>
    static std::string_view pick(const std::array<std::string_view, Count>& from, byte_source& in) {
        return from[in.u8() % Count];
    }
    static std::uint64_t small(byte_source& in) {
        const std::uint64_t value = in.u8();
        return value < 250 ? value : ~std::uint64_t{0} - (255 - value);
    }

    void connect(byte_source& in) {
        auto& session = at_.sessions->find_or_make(number_);
        if (!session.may_connect(who_)) std::abort();
        session.connect(who_, [] {});
        connected_ = true;
        hello greeting;
        greeting.session = number_;
        greeting.producer = number_;
        greeting.first_sequence = 1 + in.u8() % 4;
        greeting.version = static_cast<std::uint16_t>(version - in.u8() % 2);
        session.on_hello(greeting);
        for (auto count = in.u8() % 4; count > 0; --count) {
            const std::uint64_t outstanding[2] = {small(in), small(in)};
            if ((in.u8() & 1) != 0)
                encode_resume_claim(out_, small(in));
            else
                encode_resume_stream(out_, in.u8() % 6u, small(in), outstanding, small(in), small(in));
        }
        if (in.u8() % 8 != 0) encode_hello_end(out_);
        deliver_frames();
    }
    void raw(byte_source& in) { out_ += in.bytes(in.u8()); }
    void publish_one(byte_source& in) {
        record::fields fields;
        fields.qos = in.u8() & 1;
        fields.client_id = "c";
        const auto shape = in.u8();
        fields.key_is_client_id = (shape & 1) != 0;
        if ((shape & 2) != 0) fields.key = in.bytes(shape % 5);
        fields.will = (shape & 4) != 0;
        fields.payload = in.bytes(shape >> 3);
        const auto topic = in.u8() % 6u;
        if (shape == 255) { // a record that is none
            const auto bytes = in.bytes(in.u8());
            encode_publish_head(out_, topic, 0, bytes.size());
            out_ += bytes;
            return;
        }
        encode_publish_head(out_, topic, in.u8() % 4 == 0 ? small(in) : 0, record::encoded_size(fields));
        record::append(out_, fields);
    }
    void claim_one(byte_source& in) {
        claim frame;
        frame.tenant = pick(tenants, in);
        frame.client_id = pick(names, in);
        const auto shape = in.u8();
        frame.has_will = (shape & 1) != 0;
        frame.fail_after_refusal = (shape & 2) != 0;
        std::string will;
        if (frame.has_will) {
            record::fields fields;
            fields.qos = 1;
            fields.will = true;
            fields.payload = in.bytes(shape >> 4);
            record::append(will, fields);
            if ((shape & 4) != 0) will.resize(will.size() / 2);
            frame.will_name_space = pick(spaces, in);
            frame.will_name = pick(names, in);
            frame.will_record = core::as_bytes(will);
        }
        encode(out_, frame);
    }
    void subscribe_one(byte_source& in) {
        subscribe frame;
        frame.stream = in.u8() % 6u;
        const auto shape = in.u8();
        frame.type = static_cast<subscription_type>(shape % 5);
        frame.durability = static_cast<durability>((shape >> 3) % 4);
        frame.start = static_cast<start_at>((shape >> 6) % 3);
        frame.tenant = pick(tenants, in);
        frame.name_space = pick(spaces, in);
        frame.name = pick(names, in);
        frame.claim = in.u8() % 4 == 0 ? small(in) : 0;
        frame.consumer = in.bytes(in.u8() % 4);
        encode(out_, frame);
    }
    void acknowledge_some(byte_source& in) {
        std::array<std::uint64_t, 8> ranges{};
        const std::size_t count = 2 * (in.u8() % 5);
        for (std::size_t i = 0; i < count; ++i) ranges[i] = small(in);
        const auto stream = in.u8() % 6u;
        const auto delay = in.u8();
        if ((delay & 1) != 0)
            encode_acknowledge(out_, stream, {ranges.data(), count});
        else
            encode_negative_acknowledge(out_, stream, delay * 10u, {ranges.data(), count});
    }
    void state_one(byte_source& in) {
        state_request frame;
        frame.request = in.u8();
        frame.tenant = pick(tenants, in);
        frame.name_space = pick(spaces, in);
        frame.key = pick(names, in);
        const auto shape = in.u8();
        frame.flag = (shape & 1) != 0;
        const auto value = in.bytes(shape >> 1);
        frame.value = core::as_bytes(value);
        if ((in.u8() & 1) != 0)
            encode_state_put(out_, frame);
        else
            encode_state_get(out_, frame);
    }
    /// As the endpoint does: the first thing that is wrong ends the connection.
    void deliver_frames() {
        auto bytes = core::as_bytes(out_);
        raw_frame frame;
        bool wrong = false;
        while (!wrong && next_frame(bytes, frame)) {
            if (frame.kind == type::hello) break;
            wrong = !at_.sessions->find_or_make(number_).on_frame(frame).empty();
        }
        if (wrong || !bytes.empty()) cut();
        out_.clear();
    }
    static bool understood(const raw_frame& frame) {
        switch (frame.kind) {
        case type::welcome: {
            welcome into;
            return decode(frame.body, into);
        }
        case type::topic_to_client: {
            topic into;
            return decode(frame.body, into);
        }
        case type::settled: {
            settled into;
            return decode(frame.body, into);
        }
        case type::stream_ended:
        case type::subscribed: {
            stream_answer into;
            return decode_subscribed(frame.body, into);
        }
        case type::filter_done: {
            stream_answer into;
            return decode_filter_done(frame.body, into);
        }
        case type::deliver: {
            deliver into;
            return decode(frame.body, into) && record::parse(into.record).has_value();
        }
        case type::claimed: {
            claimed into;
            return decode(frame.body, into);
        }
        case type::evicted: {
            evicted into;
            return decode(frame.body, into);
        }
        case type::state: {
            state into;
            return decode(frame.body, into);
        }
        case type::topic_forgotten: {
            std::uint32_t into = 0;
            return decode_number(frame.body, into);
        }
        default: return false;
        }
    }

    fuzzing::memory_hub& at_;
    std::uint64_t number_;
    messaging::topic::link_permissions who_;
    bool connected_ = false;
    std::string out_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    static std::unique_ptr<fuzzing::memory_hub> messaging;
    static std::uint64_t inputs = 0;
    if (inputs++ % inputs_per_hub == 0) {
        messaging.reset();
        messaging = std::make_unique<fuzzing::memory_hub>();
    }
    byte_source in(bytes, size);
    {
        peer broker(*messaging, 2 * inputs, true);
        peer mapper(*messaging, 2 * inputs + 1, false);
        while (!in.empty()) {
            const auto what = in.u8();
            if (what == 0)
                messaging->settle();
            else if (what == 1)
                messaging->advance(std::chrono::milliseconds(100 * in.u8()));
            else
                (what % 2 == 0 ? broker : mapper).act(in);
            messaging->hub->flush();
            broker.read();
            mapper.read();
        }
        messaging->settle();
        broker.read();
        mapper.read();
        messaging->check_accounts();
        broker.cut();
        mapper.cut();
    }
    messaging->advance(std::chrono::seconds(61)); // leases end, so that nothing but durable things is left
    messaging->check_accounts();
    return 0;
}
