// Any bytes as an Avro record: refused, or read in a way that survives being written and read again.
#include "common/notification2/avro_codec.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(bytes), size);
    const auto message = notification2::decode_avro(input);
    if (!message) return 0;
    std::string written;
    notification2::append_avro(written, *message);
    const auto again = notification2::decode_avro(written);
    if (!again || !(*again == *message)) std::abort();
    return 0;
}
