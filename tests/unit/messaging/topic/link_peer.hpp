// A scripted broker: speaks frames with a link_session over a hub whose store is in memory. No sockets; time is the
// test's; commits happen when the test runs the loop.
#pragma once

#include "common/record/record.hpp"
#include "messaging/endpoint/link_sessions.hpp"
#include "messaging/topic/hub.hpp"
#include "messaging/topic/link_session.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/store_fixture.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <map>
#include <set>

namespace support {

/// Messaging in memory: store, hub, sessions. `restart` is a killed process; `power_cut` loses what was not synced.
class memory_messaging {
  public:
    explicit memory_messaging(messaging::topic::limits with = {}, std::uint64_t disk_max = 0)
        : limits(with), disk_bytes_max(disk_max) {
        open();
    }
    ~memory_messaging() { close(); }

    void open() {
        loop = std::make_unique<hand_loop>();
        hub = std::make_unique<messaging::topic::hub>(limits, clock, [] {});
        messaging::store::log_options options;
        options.segment_bytes = 256 * 1024;
        options.disk_bytes_max = disk_bytes_max;
        REQUIRE_FALSE(hub->open(options, files, loop->poster()));
        sessions = std::make_unique<messaging::endpoint::link_sessions>(*hub, clock);
        sessions->recover();
    }
    void close() {
        sessions.reset();
        hub.reset(); // without close(): a killed process
        loop.reset();
    }
    void restart() {
        close();
        files.kill();
        open();
    }
    void power_cut(std::mt19937_64& random) {
        close();
        files.power_cut(random);
        open();
    }
    /// Flushes and runs the loop until nothing is on its way to the disk.
    void settle() {
        for (int round = 0; round < 2; ++round) {
            REQUIRE(loop->run_until([this] {
                hub->flush(); // what callbacks of the loop gathered goes too
                return hub->log().stats().queued_bytes == 0;
            }));
            loop->run_ready();
        }
    }
    void advance(std::chrono::milliseconds by) {
        clock.advance(by);
        hub->tick();
        sessions->tick();
        settle();
    }
    std::uint64_t backlog(const std::string& tenant) const {
        const auto found = hub->tenants().find(tenant);
        return found == hub->tenants().end() ? 0 : found->second->backlog_bytes;
    }

    messaging::topic::limits limits;
    std::uint64_t disk_bytes_max;
    manual_clock clock;
    faulty_file_system files;
    std::unique_ptr<hand_loop> loop;
    std::unique_ptr<messaging::topic::hub> hub;
    std::unique_ptr<messaging::endpoint::link_sessions> sessions;
};

struct seen_delivery {
    std::uint32_t stream = 0;
    bool must_acknowledge = false;
    std::string topic;
    std::uint64_t position = 0;
    int count = 0;
    std::string payload;
    std::string key;
};

/// One broker. Keeps only what a test asks for; every expectation is the test's.
class link_peer {
  public:
    link_peer(memory_messaging& at, std::uint64_t number, bool broker = true) : at_(at), number_(number) {
        who_.may_claim = broker;
        who_.any_tenant = true;
    }

    messaging::topic::link_session& session() { return at_.sessions->find_or_make(number_); }

    /// Connects and says hello; `resume` appends resume frames.
    void connect(std::uint64_t first_sequence = 1, const std::function<void(std::string&)>& resume = {}) {
        auto& to = session();
        if (to.connected()) to.disconnect(at_.clock.now());
        to.connect(who_, [] {});
        msg_link::hello hello;
        hello.session = number_;
        hello.producer = number_;
        hello.first_sequence = first_sequence;
        hello.version = speaks;
        to.on_hello(hello);
        std::string frames;
        if (resume) resume(frames);
        msg_link::encode_hello_end(frames);
        send(frames);
        read();
    }
    void cut() { session().disconnect(at_.clock.now()); }

    void send(const std::string& frames) {
        auto bytes = core::as_bytes(frames);
        msg_link::raw_frame frame;
        while (msg_link::next_frame(bytes, frame)) {
            const auto wrong = session().on_frame(frame);
            INFO(wrong);
            REQUIRE(wrong.empty());
        }
        REQUIRE(bytes.empty());
    }
    void topic(std::uint32_t number, const std::string& name, const std::string& tenant = "t1") {
        std::string out;
        encode(out, msg_link::type::topic, msg_link::topic{number, tenant, "mqtt", name});
        send(out);
    }
    void publish(std::uint32_t topic, const std::string& payload, std::uint64_t claim = 0, std::uint8_t qos = 1) {
        record::fields fields;
        fields.qos = qos;
        fields.client_id = "c";
        fields.payload = payload;
        std::string out;
        msg_link::encode_publish_head(out, topic, claim, record::encoded_size(fields));
        record::append(out, fields);
        send(out);
    }
    void publish_keyed(std::uint32_t topic, const std::string& key, const std::string& payload) {
        record::fields fields;
        fields.qos = 1;
        fields.key = key;
        fields.payload = payload;
        std::string out;
        msg_link::encode_publish_head(out, topic, 0, record::encoded_size(fields));
        record::append(out, fields);
        send(out);
    }
    void claim(const std::string& client, const std::string& will_topic = {}, const std::string& will = {},
               bool fail_after_refusal = false) {
        msg_link::claim frame;
        frame.tenant = "t1";
        frame.client_id = client;
        frame.fail_after_refusal = fail_after_refusal;
        std::string record_bytes;
        if (!will_topic.empty()) {
            record::fields fields;
            fields.qos = 1;
            fields.will = true;
            fields.payload = will;
            record::append(record_bytes, fields);
            frame.has_will = true;
            frame.will_name_space = "mqtt";
            frame.will_name = will_topic;
            frame.will_record = core::as_bytes(record_bytes);
        }
        std::string out;
        encode(out, frame);
        send(out);
    }
    void release(std::uint64_t number, bool will) {
        std::string out;
        encode(out, msg_link::release{number, will});
        send(out);
    }
    /// A stream with one filter, with room for `messages`.
    void subscribe(std::uint32_t stream, const std::string& filter, std::uint8_t qos = 1, std::uint64_t messages = 1000,
                   const std::string& name = {}, std::uint64_t claim = 0,
                   msg_link::subscription_type type = msg_link::subscription_type::exclusive,
                   const std::string& tenant = "t1", const std::string& consumer = {}) {
        msg_link::subscribe frame;
        frame.consumer = consumer;
        frame.stream = stream;
        frame.claim = claim;
        frame.type = type;
        frame.durability = name.empty() ? msg_link::durability::leased : msg_link::durability::durable;
        frame.tenant = tenant;
        frame.name_space = "mqtt";
        frame.name = name;
        std::string out;
        encode(out, frame);
        msg_link::encode_filter_add(out, {stream, stream * 100, qos, filter});
        encode(out, msg_link::credit{stream, messages, 1ULL << 40});
        send(out);
    }
    void acknowledge(std::uint32_t stream, std::uint64_t from, std::uint64_t to) {
        const std::uint64_t ranges[] = {from, to};
        std::string out;
        msg_link::encode_acknowledge(out, stream, ranges);
        send(out);
    }
    void give_back(std::uint32_t stream, std::uint64_t from, std::uint64_t to, std::uint32_t delay_ms = 0) {
        const std::uint64_t ranges[] = {from, to};
        std::string out;
        msg_link::encode_negative_acknowledge(out, stream, delay_ms, ranges);
        send(out);
    }
    void close(std::uint32_t stream, bool remove = false) {
        std::string out;
        encode(out, msg_link::stream_close{stream, remove});
        send(out);
    }
    void seek(std::uint32_t stream, msg_link::seek_to to, std::uint64_t time_ms = 0) {
        std::string out;
        encode(out, msg_link::seek{stream, to, time_ms});
        send(out);
    }
    void credit(std::uint32_t stream, std::uint64_t messages) {
        std::string out;
        encode(out, msg_link::credit{stream, messages, 1ULL << 40});
        send(out);
    }

    /// Takes everything that is queued for us.
    void read() {
        std::string batch;
        while (session().output().take(batch)) {
            auto bytes = core::as_bytes(batch);
            msg_link::raw_frame frame;
            while (msg_link::next_frame(bytes, frame)) take(frame);
            REQUIRE(bytes.empty());
        }
    }
    std::vector<std::string> payloads(std::uint32_t stream) {
        read();
        std::vector<std::string> out;
        for (const auto& one : deliveries)
            if (one.stream == stream) out.push_back(one.payload);
        return out;
    }

    std::uint16_t speaks = msg_link::version;
    msg_link::welcome welcome;
    std::uint64_t settled = 0;
    std::map<std::uint64_t, msg_link::reason> outcomes; ///< by sequence, what was not plain success
    std::vector<seen_delivery> deliveries;
    std::map<std::uint64_t, std::uint64_t> claims; ///< sequence -> number
    std::vector<std::uint64_t> evicted;
    std::map<std::uint32_t, msg_link::reason> ended;
    std::map<std::uint32_t, msg_link::reason> subscribed;
    std::map<std::uint32_t, msg_link::reason> filters; ///< by request
    std::string last_properties;                       ///< of the newest delivery
    std::size_t deliver_frames = 0;
    std::size_t names_known() const noexcept { return names_.size(); }

  private:
    void note(const std::vector<msg_link::run>& runs) {
        for (const auto& one : runs)
            for (std::uint64_t i = 0; i < one.length; ++i) outcomes[one.first + i] = one.why;
    }
    void take(const msg_link::raw_frame& frame) {
        using kind = msg_link::type;
        switch (frame.kind) {
        case kind::welcome:
            REQUIRE(decode(frame.body, welcome));
            settled = welcome.settled;
            note(welcome.runs);
            names_.clear();
            break;
        case kind::topic_to_client: {
            msg_link::topic one;
            REQUIRE(decode(frame.body, one));
            names_[one.number] = std::string(one.name);
            break;
        }
        case kind::topic_forgotten: {
            std::uint32_t number = 0;
            REQUIRE(msg_link::decode_number(frame.body, number));
            REQUIRE(names_.erase(number) == 1);
            break;
        }
        case kind::settled: {
            msg_link::settled one;
            REQUIRE(decode(frame.body, one));
            REQUIRE(one.up_to >= settled);
            settled = one.up_to;
            note(one.runs);
            break;
        }
        case kind::deliver: {
            msg_link::deliver one;
            REQUIRE(decode(frame.body, one));
            ++deliver_frames;
            REQUIRE(names_.contains(one.topic));
            const auto fields = record::parse(one.record);
            REQUIRE(fields);
            last_properties = fields->properties;
            for (std::size_t i = 0; i < one.streams.size(); ++i)
                deliveries.push_back({one.streams[i] & ~msg_link::must_acknowledge,
                                      (one.streams[i] & msg_link::must_acknowledge) != 0, names_[one.topic],
                                      one.position, one.delivery_count, std::string(fields->payload),
                                      std::string(fields->key)});
            break;
        }
        case kind::claimed: {
            msg_link::claimed one;
            REQUIRE(decode(frame.body, one));
            claims[one.sequence] = one.claim;
            break;
        }
        case kind::evicted: {
            msg_link::evicted one;
            REQUIRE(decode(frame.body, one));
            evicted.push_back(one.claim);
            break;
        }
        case kind::stream_ended: {
            msg_link::stream_answer one;
            REQUIRE(msg_link::decode_subscribed(frame.body, one));
            ended[one.stream] = one.why;
            break;
        }
        case kind::subscribed: {
            msg_link::stream_answer one;
            REQUIRE(msg_link::decode_subscribed(frame.body, one));
            subscribed[one.stream] = one.why;
            break;
        }
        case kind::filter_done: {
            msg_link::stream_answer one;
            REQUIRE(msg_link::decode_filter_done(frame.body, one));
            filters[one.request] = one.why;
            break;
        }
        default: break;
        }
    }

    memory_messaging& at_;
    std::uint64_t number_;
    messaging::topic::link_permissions who_;
    std::map<std::uint32_t, std::string> names_;
};

using texts = std::vector<std::string>;

} // namespace support
