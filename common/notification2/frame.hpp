// Text frames of the original's WebSocket API, sans I/O (ref B.1.4 for type `mqtt`, ref C.8 and C.9 for `relnotif`).
// Parsers return views into the text they were given; formatters append to a string the caller keeps.
//
//   producer    client → server   <sequence> LF <base64>
//               server → client   <sequence>                                        stored
//   consumer    server → client   <ackHeader> LF <base64>                           type mqtt
//               server → client   <ackHeader> LF /<tenant>/<api>/<source> LF <ACTION> LF … LF LF <body>   type relnotif
//               client → server   <ackHeader>  or  unsubscribe_subscriber
#pragma once

#include "common/notification2/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace notification2 {

/// The literal that removes the subscriber and its backlog (ref B.1.4, C.5).
inline constexpr std::string_view unsubscribe_text = "unsubscribe_subscriber";

struct producer_frame {
    std::uint64_t sequence = 0;
    std::string_view base64;
};

/// Strict: decimal without sign, blank or leading zero, at most 64 bits; exactly one LF. `base64` is not looked at
/// beyond that. Errors: no_line_feed, bad_sequence, bad_base64 (a second line).
core::result<producer_frame> parse_producer_frame(std::string_view text);
void append_producer_frame(std::string& out, std::uint64_t sequence, std::string_view record);
/// What the server answers once the message is stored: the sequence as text.
void append_producer_ack(std::string& out, std::uint64_t sequence);
core::result<std::uint64_t> parse_sequence(std::string_view text);

/// Appends the record's bytes to `out`. Errors: too_large (more than `record_bytes_max` bytes, found before decoding),
/// bad_base64; then `out` is as it was.
core::result<void> append_record(std::string& out, std::string_view base64, std::size_t record_bytes_max);

struct consumer_frame {
    std::string_view ack_header; ///< empty: nothing is to be acknowledged
    std::string_view base64;
};

/// Without any LF the whole text is payload, and an empty header means no acknowledgement (ref B.1.4). More than one LF
/// is bad_base64.
core::result<consumer_frame> parse_consumer_frame(std::string_view text);
void append_consumer_frame(std::string& out, std::string_view ack_header, std::string_view record);

struct notification {
    std::string_view ack_header;
    std::string_view description; ///< `/t0815/operations/4711`; empty when the sender left it out
    std::string_view action;      ///< CREATE, UPDATE, DELETE, or what a later version sends
    std::string_view body;
};

/// Header lines up to the first blank one; lines after the third are ignored (ref C.8: more may come). Accepts CR LF.
/// Errors: no_blank_line, empty_ack_header. Even then `ack_header_of` serves to acknowledge what was not understood.
core::result<notification> parse_notification(std::string_view text);
std::string_view ack_header_of(std::string_view text) noexcept;
/// Precondition: none of the header fields holds a LF.
void append_notification(std::string& out, const notification& of);

/// The parts of `/<tenant>/<api>/<source>`; missing ones are empty, the source may itself hold slashes.
struct notification_description {
    std::string_view tenant;
    std::string_view api;
    std::string_view source;
};
notification_description parse_description(std::string_view description) noexcept;

/// What a consumer sends: an acknowledgement (its header, echoed) or the wish to be removed.
struct consumer_reply {
    bool unsubscribe = false;
    std::string_view ack_header;
};
consumer_reply parse_consumer_reply(std::string_view text) noexcept;

/// Our acknowledgement header: two numbers, say topic number or position, and delivery. Clients must echo it and may
/// not look inside. At most 23 characters of `A-Za-z0-9-_.`, hence never LF and never `unsubscribe_subscriber`.
struct ack_position {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    bool operator==(const ack_position&) const = default;
};
void append_ack_header(std::string& out, ack_position position);
/// Accepts exactly the texts that append_ack_header writes. Error: bad_ack_header.
core::result<ack_position> parse_ack_header(std::string_view text);

} // namespace notification2
