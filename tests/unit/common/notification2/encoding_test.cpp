#include "common/core/base64.hpp"
#include "common/core/percent.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

using namespace std::string_literals;

TEST_CASE("base64: the vectors of RFC 4648 section 10", "[base64]") {
    const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"},
                                                           {"\xFB\xFF\xFE"s, "+//+"}};
    for (const auto& [bytes, text] : vectors) {
        CHECK(core::base64_encode(bytes) == text);
        CHECK(core::base64_decode(text) == bytes);
        CHECK(core::base64_length(bytes.size()) == text.size());
    }
    CHECK(core::base64url_encode("\xFB\xFF\xFE") == "-__-");
    CHECK(core::base64url_decode("-__-") == "\xFB\xFF\xFE"s);
    CHECK(core::base64url_encode("f") == "Zg");
    CHECK(core::base64url_decode("Zm8") == "fo");
}

TEST_CASE("base64: everything but the one right text is refused", "[base64]") {
    for (const auto& text : {"Zg"s, "Zg="s, "Z"s, "Zg==="s, "===="s, "="s, "Zg==Zg=="s, "Zm9v\n"s, " Zm9v"s, "Zm 9"s,
                             "Zh=="s, "Zm9="s, "Zm9-"s, "Zm9_"s, "Zm9\0"s, "\0\0\0\0"s, "Z=g="s, "Zm9\xC3"s, "Z==="s}) {
        INFO(text);
        std::string out = "kept";
        CHECK_FALSE(core::append_base64_decoded(out, text));
        CHECK(out == "kept");
    }
    for (const auto& text : {"Zg=="s, "Z"s, "Zm9+"s, "Zm9/"s, "Zh"s, "Zm9"s, "Zm9v."s}) {
        INFO(text);
        CHECK_FALSE(core::base64url_decode(text));
    }
}

TEST_CASE("percent: only unreserved characters stay", "[percent]") {
    CHECK(core::percent_encode("plant/line1/telemetry") == "plant%2Fline1%2Ftelemetry");
    CHECK(core::percent_encode("a b+c%\x01\xC3\xA4"s) == "a%20b%2Bc%25%01%C3%A4");
    CHECK(core::percent_encode("AZaz09-._~") == "AZaz09-._~");
    CHECK(core::percent_decode("a%2fb%2Fc+d") == "a/b/c+d");
    CHECK(core::percent_decode("%00") == std::string(1, '\0'));
    for (const auto* bad : {"%", "%2", "a%", "%G0", "%0G", "%%30"}) CHECK_FALSE(core::percent_decode(bad));
}

TEST_CASE("percent: recognises what was wholly encoded before", "[percent]") {
    CHECK(core::is_percent_encoded("plant%2Fline1"));
    CHECK(core::is_percent_encoded("plant%2fline1"));
    CHECK_FALSE(core::is_percent_encoded("plant"));
    CHECK_FALSE(core::is_percent_encoded("plant/line%2F1"));
    CHECK_FALSE(core::is_percent_encoded("100%"));
    CHECK_FALSE(core::is_percent_encoded("%41"));
    CHECK_FALSE(core::is_percent_encoded(""));
}
