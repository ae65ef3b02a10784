// Any text as each of the frames of the WebSocket API.
#include "common/notification2/frame.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    using namespace notification2;
    const std::string_view input(reinterpret_cast<const char*>(bytes), size);
    std::string out;
    if (const auto frame = parse_producer_frame(input); frame && append_record(out, frame->base64, 1 << 16)) {
        std::string again;
        append_producer_frame(again, frame->sequence, out);
        if (again != input) std::abort();
    }
    if (const auto frame = parse_consumer_frame(input)) (void)append_record(out, frame->base64, 1 << 16);
    if (const auto parsed = parse_notification(input)) (void)parse_description(parsed->description);
    if (const auto position = parse_ack_header(input)) {
        std::string again;
        append_ack_header(again, *position);
        if (again != input) std::abort();
    }
    return 0;
}
