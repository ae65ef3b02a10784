#include "tests/bench/load/payload.hpp"

#include <string_view>

namespace bench {
namespace {

constexpr std::string_view before_publisher = R"({"publisher":)";
constexpr std::string_view before_sequence = R"(,"sequence":)";
constexpr std::string_view before_sent = R"(,"sent":)";
constexpr std::string_view before_filler = R"(,"temperature":21.5,"filler":")";
constexpr std::string_view last = R"("})";
constexpr std::size_t publisher_width = 10;
constexpr std::size_t number_width = 20;
constexpr std::size_t publisher_at = before_publisher.size();
constexpr std::size_t sequence_at = publisher_at + publisher_width + before_sequence.size();
constexpr std::size_t sent_at = sequence_at + number_width + before_sent.size();
static_assert(sent_at + number_width + before_filler.size() + last.size() <= json_bytes_min);

} // namespace

std::string json_payload(std::size_t bytes) {
    std::string out(before_publisher);
    out.append(publisher_width, ' ').append(before_sequence).append(number_width, ' ').append(before_sent);
    out.append(number_width, ' ').append(before_filler);
    out.append(bytes - out.size() - last.size(), 'x').append(last);
    return out;
}

void patch_json(char* payload, const stamp& value) noexcept {
    write_decimal(payload + publisher_at, publisher_width, value.publisher);
    write_decimal(payload + sequence_at, number_width, value.sequence);
    write_decimal(payload + sent_at, number_width, value.sent_ns);
}

} // namespace bench
