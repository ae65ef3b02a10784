// Any text as a token of the WebSocket API and as a link token. Every second input is signed first, so that the claims
// behind the signature are reached too.
#include "common/notification2/token.hpp"
#include "common/auth/link_token.hpp"
#include "common/core/base64.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    static const auto key = notification2::signing_key::generate().value();
    static const auto secret = auth::link_secret::from_text("a secret for fuzzing").value();
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(bytes) + 1, size - 1);
    if ((bytes[0] & 1) == 0) {
        if (notification2::open_token(input, key) || auth::verify_link_token(input, secret, 0)) std::abort();
        return 0;
    }
    std::string link = "l1." + core::base64url_encode(input);
    link += "." + core::base64url_encode(secret.sign(link));
    (void)auth::verify_link_token(link, secret, 0);
    // Signing with RSA costs most of a run, so it is kept for what looks like JSON.
    if (!input.starts_with('{')) return 0;
    std::string token = core::base64url_encode(R"({"alg":"RS256"})") + "." + core::base64url_encode(input);
    token += "." + core::base64url_encode(key.sign(token).value());
    const auto claims = notification2::open_token(token, key);
    if (claims && notification2::claims_json(*claims).find_first_of("\x7f~?>") != std::string::npos) std::abort();
    return 0;
}
