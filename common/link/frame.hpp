// (Namespace msg_link, because POSIX has a function `link`.)
// Frames of the link to bytes and back; FORMAT.md is the law. Sans I/O, no allocation while decoding.
// Views in decoded frames live as long as the batch they were read from.
#pragma once

#include "common/core/bytes.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace msg_link {

inline constexpr std::uint16_t version = 2; ///< and the one before it, FORMAT.md §9
/// How the close reason of a server begins that does not speak the version of a hello.
inline constexpr std::string_view wrong_version = "link version ";
inline constexpr std::string_view subprotocol = "mqtt-messaging.link.v1";
inline constexpr std::size_t batch_bytes_target = 64 * 1024;
inline constexpr std::size_t record_bytes_max = 256 * 1024;
inline constexpr std::size_t batch_bytes_max = record_bytes_max + 192 * 1024;
inline constexpr std::uint32_t window_records = 8192;
inline constexpr std::uint64_t window_bytes = 8 * 1024 * 1024;
inline constexpr std::size_t deliver_streams_max = 4096;
/// Top bit of a stream number in `deliver`: this stream must acknowledge.
inline constexpr std::uint32_t must_acknowledge = 0x8000'0000;

/// Never renumber: FORMAT.md §4.
enum class reason : std::uint8_t {
    ok = 0,
    no_subscribers = 1,
    topic_backlog_full = 2,
    tenant_backlog_full = 3,
    topic_limit = 4,
    too_large = 5,
    superseded = 6,
    not_allowed = 7,
    store_failed = 8,
    disk_full = 9,
    busy = 10,
    bad_request = 11,
    lost = 12,
    too_slow = 13,
    removed = 14,
    previous_refused = 15,
    shutting_down = 16,
    rate_limited = 17,
    not_found = 18,
    state_full = 19,
    moved = 20,
};

/// One sentence for a person.
std::string_view text(reason why) noexcept;
/// Lower-case name for metrics labels.
std::string_view name(reason why) noexcept;

enum class type : std::uint8_t {
    hello = 0x01,
    resume_stream = 0x02,
    resume_claim = 0x03,
    hello_end = 0x04,
    topic = 0x05,
    topic_close = 0x06,
    publish = 0x07,
    claim = 0x08,
    release = 0x09,
    subscribe = 0x0A,
    filter_add = 0x0B,
    filter_remove = 0x0C,
    credit = 0x0D,
    window = 0x0E,
    acknowledge = 0x0F,
    negative_acknowledge = 0x10,
    stream_close = 0x11,
    state_put = 0x12,
    state_get = 0x13,
    seek = 0x14,
    welcome = 0x81,
    topic_to_client = 0x82,
    settled = 0x83,
    subscribed = 0x84,
    filter_done = 0x85,
    deliver = 0x86,
    stream_ended = 0x87,
    claimed = 0x88,
    evicted = 0x89,
    state = 0x8A,
    topic_forgotten = 0x8B,
};

enum class subscription_type : std::uint8_t { exclusive = 0, shared = 1, failover = 2, key_shared = 3 };
enum class durability : std::uint8_t { volatile_ = 0, leased = 1, durable = 2 };
enum class start_at : std::uint8_t { newest = 0, earliest = 1 };
enum class seek_to : std::uint8_t { earliest = 0, latest = 1, time = 2 };

struct run {
    std::uint64_t first = 0;
    std::uint32_t length = 0;
    reason why = reason::ok;
    bool operator==(const run&) const = default;
};

/// Big-endian u64 values inside a batch, read on access.
class position_list {
  public:
    position_list() = default;
    explicit position_list(core::byte_span raw) noexcept : raw_(raw) {}
    std::size_t size() const noexcept { return raw_.size() / 8; }
    std::uint64_t operator[](std::size_t i) const noexcept {
        return core::load_big_endian<std::uint64_t>(raw_.data() + i * 8);
    }

  private:
    core::byte_span raw_;
};

/// Stream numbers inside a deliver frame.
class stream_list {
  public:
    stream_list() = default;
    explicit stream_list(core::byte_span raw) noexcept : raw_(raw) {}
    std::size_t size() const noexcept { return raw_.size() / 4; }
    std::uint32_t operator[](std::size_t i) const noexcept {
        return core::load_big_endian<std::uint32_t>(raw_.data() + i * 4);
    }

  private:
    core::byte_span raw_;
};

struct hello {
    std::uint16_t version = msg_link::version;
    std::uint64_t session = 0;
    std::uint64_t producer = 0;
    std::uint64_t first_sequence = 1;
};
struct resume_stream {
    std::uint32_t stream = 0;
    std::uint64_t taken = 0;          ///< position
    std::uint64_t taken_messages = 0; ///< totals of the stream's life, to count credit from
    std::uint64_t taken_bytes = 0;
    position_list outstanding;
};
struct topic {
    std::uint32_t number = 0;
    std::string_view tenant;
    std::string_view name_space;
    std::string_view name;
};
struct publish {
    std::uint32_t topic = 0;
    std::uint64_t claim = 0;
    core::byte_span record;
};
struct claim {
    bool has_will = false;
    bool fail_after_refusal = false;
    std::string_view tenant;
    std::string_view client_id;
    std::string_view will_name_space;
    std::string_view will_name;
    core::byte_span will_record;
};
struct release {
    std::uint64_t claim = 0;
    bool publish_will = false;
};
struct subscribe {
    std::uint32_t stream = 0;
    std::uint64_t claim = 0;
    subscription_type type = subscription_type::exclusive;
    msg_link::durability durability = durability::leased;
    start_at start = start_at::newest;
    std::string_view tenant;
    std::string_view name_space;
    std::string_view name;
    std::string_view consumer; ///< version 2: who it is among the consumers of a key-shared one; empty: unnamed
};
struct filter {
    std::uint32_t stream = 0;
    std::uint32_t request = 0;
    std::uint8_t qos = 0; ///< unused in filter_remove
    std::string_view filter;
};
struct credit {
    std::uint32_t stream = 0;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
};
struct window {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
};
struct acknowledge {
    std::uint32_t stream = 0;
    std::uint32_t delay_ms = 0; ///< negative acknowledgements only
    position_list from_to;      ///< pairs
};
struct stream_close {
    std::uint32_t stream = 0;
    bool remove = false;
};
struct seek {
    std::uint32_t stream = 0;
    seek_to to = seek_to::latest;
    std::uint64_t time_ms = 0; ///< Unix milliseconds, for `time`
};
struct state_request {
    std::uint32_t request = 0;
    std::string_view tenant;
    std::string_view name_space;
    std::string_view key;
    bool flag = false; ///< put: present; get: prefix
    core::byte_span value;
};
struct welcome {
    std::uint16_t version = msg_link::version;
    std::uint64_t incarnation = 0;
    bool resumed = false;
    std::uint64_t settled = 0;
    std::uint32_t unsettled_frames_max = 65536;
    std::uint32_t unsettled_bytes_max = 32 * 1024 * 1024;
    std::uint32_t record_bytes_max = 128 * 1024;
    std::uint32_t lease_ms = 30'000;
    std::vector<run> runs;
};
struct settled {
    std::uint64_t up_to = 0;
    std::vector<run> runs;
};
struct stream_answer { ///< subscribed, filter_done, stream_ended
    std::uint32_t stream = 0;
    std::uint32_t request = 0; ///< filter_done only
    reason why = reason::ok;
    std::string_view message;
};
struct deliver {
    stream_list streams;
    std::uint32_t topic = 0;
    std::uint64_t position = 0;
    std::uint8_t delivery_count = 1;
    core::byte_span record;
};
struct claimed {
    std::uint64_t sequence = 0;
    std::uint64_t claim = 0;
    reason why = reason::ok;
    std::string_view message;
};
struct evicted {
    std::uint64_t claim = 0;
    reason why = reason::superseded;
};
struct state_entry {
    std::string_view key;
    core::byte_span value;
};
struct state {
    std::uint32_t request = 0;
    reason why = reason::ok;
    std::vector<state_entry> entries;
};

/// The type and body of one frame inside a batch.
struct raw_frame {
    type kind = type::hello;
    core::byte_span body;
    core::byte_span whole; ///< with length and type
};

/// Takes the next frame off `batch`; false at its end or when it is cut (then `batch` is not empty).
bool next_frame(core::byte_span& batch, raw_frame& into) noexcept;

// Decoders: false when the body is not exactly of this shape. Lists are bounded by the frame itself.
bool decode(core::byte_span body, hello& into) noexcept;
bool decode(core::byte_span body, resume_stream& into) noexcept;
bool decode(core::byte_span body, topic& into) noexcept;
bool decode(core::byte_span body, publish& into) noexcept;
bool decode(core::byte_span body, claim& into) noexcept;
bool decode(core::byte_span body, release& into) noexcept;
bool decode(core::byte_span body, subscribe& into) noexcept;
bool decode_filter_add(core::byte_span body, filter& into) noexcept;
bool decode_filter_remove(core::byte_span body, filter& into) noexcept;
bool decode(core::byte_span body, credit& into) noexcept;
bool decode(core::byte_span body, window& into) noexcept;
bool decode_acknowledge(core::byte_span body, acknowledge& into) noexcept;
bool decode_negative_acknowledge(core::byte_span body, acknowledge& into) noexcept;
bool decode(core::byte_span body, stream_close& into) noexcept;
bool decode(core::byte_span body, seek& into) noexcept;
bool decode_state_put(core::byte_span body, state_request& into) noexcept;
bool decode_state_get(core::byte_span body, state_request& into) noexcept;
bool decode_number(core::byte_span body, std::uint32_t& into) noexcept;       ///< topic_close, topic_forgotten
bool decode_claim_number(core::byte_span body, std::uint64_t& into) noexcept; ///< resume_claim
bool decode(core::byte_span body, welcome& into);
bool decode(core::byte_span body, settled& into);
bool decode_subscribed(core::byte_span body, stream_answer& into) noexcept; ///< also stream_ended
bool decode_filter_done(core::byte_span body, stream_answer& into) noexcept;
bool decode(core::byte_span body, deliver& into) noexcept;
bool decode(core::byte_span body, claimed& into) noexcept;
bool decode(core::byte_span body, evicted& into) noexcept;
bool decode(core::byte_span body, state& into);

// Encoders append one whole frame. Texts of at most 65,535 bytes.
void encode(std::string& out, const hello& frame);
void encode_resume_stream(std::string& out, std::uint32_t stream, std::uint64_t taken,
                          std::span<const std::uint64_t> outstanding, std::uint64_t taken_messages = 0,
                          std::uint64_t taken_bytes = 0);
void encode_resume_claim(std::string& out, std::uint64_t claim);
void encode_hello_end(std::string& out);
void encode(std::string& out, type kind, const topic& frame); ///< either direction
void encode_topic_close(std::string& out, std::uint32_t number);
void encode_topic_forgotten(std::string& out, std::uint32_t number);
/// Room for the head only: the caller appends exactly `record_size` bytes afterwards.
void encode_publish_head(std::string& out, std::uint32_t topic, std::uint64_t claim, std::size_t record_size);
void encode(std::string& out, const claim& frame);
void encode(std::string& out, const release& frame);
void encode(std::string& out, const subscribe& frame);
void encode_filter_add(std::string& out, const filter& frame);
void encode_filter_remove(std::string& out, const filter& frame);
void encode(std::string& out, const credit& frame);
void encode(std::string& out, const window& frame);
/// `ranges`: from, to, from, to, … at most 65,535 pairs.
void encode_acknowledge(std::string& out, std::uint32_t stream, std::span<const std::uint64_t> ranges);
void encode_negative_acknowledge(std::string& out, std::uint32_t stream, std::uint32_t delay_ms,
                                 std::span<const std::uint64_t> ranges);
void encode(std::string& out, const stream_close& frame);
void encode(std::string& out, const seek& frame);
void encode_state_put(std::string& out, const state_request& frame);
void encode_state_get(std::string& out, const state_request& frame);
void encode(std::string& out, const welcome& frame);
void encode(std::string& out, const settled& frame);
void encode_subscribed(std::string& out, const stream_answer& frame);
void encode_stream_ended(std::string& out, const stream_answer& frame);
void encode_filter_done(std::string& out, const stream_answer& frame);
void encode_deliver(std::string& out, std::span<const std::uint32_t> streams, std::uint32_t topic,
                    std::uint64_t position, std::uint8_t delivery_count, core::byte_span record);
void encode(std::string& out, const claimed& frame);
void encode(std::string& out, const evicted& frame);
void encode(std::string& out, const state& frame);

} // namespace msg_link
