#include "common/notification2/avro_codec.hpp"

#include <simdjson.h>

#include <limits>

namespace notification2 {
namespace {

using std::string_view;

constexpr std::uint64_t zig_zag(std::int64_t value) noexcept {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

/// Reads in order; the first error stays and every later answer is empty.
class avro_reader {
  public:
    explicit avro_reader(string_view bytes) noexcept : left_(bytes) {}

    core::error_code error() const noexcept { return error_; }
    bool failed() const noexcept { return failed_; }
    std::size_t left() const noexcept { return left_.size(); }

    /// A zig-zag varint of at most ten bytes (Avro 1.11, "Binary Encoding").
    std::int64_t number() noexcept {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 70; shift += 7) {
            if (left_.empty()) return fail(errc::record_truncated), 0;
            const auto byte = static_cast<unsigned char>(left_.front());
            left_.remove_prefix(1);
            if (shift == 63 && byte > 1) return fail(errc::number_too_large), 0;
            value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
            if ((byte & 0x80) == 0)
                return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
        }
        return fail(errc::number_too_large), 0;
    }

    std::int32_t number_32() noexcept {
        const std::int64_t value = number();
        if (value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::int32_t>::max())
            return fail(errc::number_too_large), 0;
        return static_cast<std::int32_t>(value);
    }

    bool boolean() noexcept {
        if (left_.empty()) return fail(errc::record_truncated), false;
        const char byte = left_.front();
        left_.remove_prefix(1);
        if (byte != 0 && byte != 1) fail(errc::bad_boolean);
        return byte == 1;
    }

    string_view bytes() noexcept {
        const std::int64_t length = number();
        if (length < 0) return fail(errc::negative_length), string_view{};
        if (static_cast<std::uint64_t>(length) > left_.size()) return fail(errc::record_truncated), string_view{};
        const auto taken = left_.substr(0, static_cast<std::size_t>(length));
        left_.remove_prefix(taken.size());
        return taken;
    }

    string_view string() noexcept {
        const auto text = bytes();
        if (!text.empty() && !simdjson::validate_utf8(text.data(), text.size())) fail(errc::not_utf8);
        return text;
    }

    /// True when the union [null, X] holds X.
    bool present() noexcept {
        const std::int64_t branch = number();
        if (branch != 0 && branch != 1) fail(errc::bad_union_branch);
        return !failed_ && branch == 1;
    }

    void fail(errc code) noexcept {
        if (failed_) return;
        failed_ = true;
        error_ = code;
        left_ = {};
    }

  private:
    string_view left_;
    core::error_code error_;
    bool failed_ = false;
};

std::optional<string_view> optional_string(avro_reader& reader) {
    if (!reader.present()) return std::nullopt;
    return reader.string();
}

std::optional<string_view> optional_bytes(avro_reader& reader) {
    if (!reader.present()) return std::nullopt;
    return reader.bytes();
}

std::optional<payload_format> optional_format(avro_reader& reader) {
    if (!reader.present()) return std::nullopt;
    switch (reader.number()) {
    case 0: return payload_format::unspecified;
    case 1: return payload_format::utf_8;
    default: reader.fail(errc::bad_enum_symbol); return std::nullopt;
    }
}

/// One block of a map after its count was read. `count` entries; with `size` known they must fill exactly that.
void read_block(avro_reader& reader, std::uint64_t count, std::optional<std::uint64_t> size,
                std::vector<user_property>& into, std::size_t most) {
    if (count > most - into.size()) return reader.fail(errc::too_many_properties);
    // An entry has at least its two lengths, so a count beyond that is known to be a lie before anything is reserved.
    if (count > reader.left() / 2) return reader.fail(errc::record_truncated);
    const std::size_t before = reader.left();
    into.reserve(into.size() + count);
    for (std::uint64_t i = 0; i < count && !reader.failed(); ++i) {
        const auto key = reader.string();
        const auto value = reader.string();
        into.emplace_back(key, value);
    }
    if (!reader.failed() && size && *size != before - reader.left()) reader.fail(errc::bad_block_size);
}

std::optional<std::vector<user_property>> optional_map(avro_reader& reader, std::size_t most) {
    if (!reader.present()) return std::nullopt;
    std::vector<user_property> properties;
    while (!reader.failed()) {
        const std::int64_t count = reader.number();
        if (count == 0) break;
        if (count > 0) {
            read_block(reader, static_cast<std::uint64_t>(count), std::nullopt, properties, most);
            continue;
        }
        const std::int64_t size = reader.number();
        if (size < 0) reader.fail(errc::negative_length);
        // Negated as unsigned, because the least 64-bit number has no positive twin.
        if (!reader.failed())
            read_block(reader, 0 - static_cast<std::uint64_t>(count), static_cast<std::uint64_t>(size), properties,
                       most);
    }
    return properties;
}

void append_number(std::string& out, std::int64_t number) {
    std::uint64_t value = zig_zag(number);
    char bytes[10];
    std::size_t count = 0;
    while (value >= 0x80) {
        bytes[count++] = static_cast<char>(value | 0x80);
        value >>= 7;
    }
    bytes[count++] = static_cast<char>(value);
    out.append(bytes, count);
}

void append_bytes(std::string& out, string_view bytes) {
    append_number(out, static_cast<std::int64_t>(bytes.size()));
    out.append(bytes);
}

void append_optional(std::string& out, const std::optional<string_view>& bytes) {
    append_number(out, bytes ? 1 : 0);
    if (bytes) append_bytes(out, *bytes);
}

} // namespace

core::result<mqtt_service_message> decode_avro(string_view bytes, avro_limits limits) {
    avro_reader reader(bytes);
    mqtt_service_message message;
    message.client_id = optional_string(reader);
    message.content_type = optional_string(reader);
    message.correlation_data = optional_bytes(reader);
    message.dup_flag = reader.boolean();
    message.message_id = reader.number_32();
    message.format = optional_format(reader);
    message.response_topic = optional_string(reader);
    message.topic = optional_string(reader);
    message.user_properties = optional_map(reader, limits.user_properties_max);
    message.payload = reader.bytes();
    if (reader.left() != 0) reader.fail(errc::trailing_bytes);
    if (reader.failed()) return reader.error();
    return message;
}

void append_avro(std::string& out, const mqtt_service_message& message) {
    append_optional(out, message.client_id);
    append_optional(out, message.content_type);
    append_optional(out, message.correlation_data);
    out.push_back(message.dup_flag ? 1 : 0);
    append_number(out, message.message_id);
    append_number(out, message.format ? 1 : 0);
    if (message.format) append_number(out, static_cast<std::int64_t>(*message.format));
    append_optional(out, message.response_topic);
    append_optional(out, message.topic);
    append_number(out, message.user_properties ? 1 : 0);
    if (message.user_properties) {
        if (!message.user_properties->empty())
            append_number(out, static_cast<std::int64_t>(message.user_properties->size()));
        for (const auto& [key, value] : *message.user_properties) {
            append_bytes(out, key);
            append_bytes(out, value);
        }
        append_number(out, 0);
    }
    append_bytes(out, message.payload);
}

} // namespace notification2
