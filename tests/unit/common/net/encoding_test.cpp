#include "common/net/encoding.hpp"

#include <catch2/catch.hpp>

#include <random>

using net::base64_alphabet;

TEST_CASE("base64: the vectors of RFC 4648 §10", "[net]") {
    const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : vectors) {
        CHECK(net::base64_encode(core::as_bytes(plain)) == encoded);
        CHECK(net::base64_decode(encoded) == plain);
    }
    const std::string bytes = "\xfb\xff\xfe";
    CHECK(net::base64_encode(core::as_bytes(bytes)) == "+//+");
    CHECK(net::base64_encode(core::as_bytes(bytes), base64_alphabet::url) == "-__-");
    CHECK(net::base64_encode(core::as_bytes("f"), base64_alphabet::url) == "Zg");
}

TEST_CASE("base64: refuses what is not exact", "[net]") {
    for (const char* bad :
         {"Zg", "Zg=", "Zg===", "Z", "=", "====", "Zm9v\n", "Zm 9v", "Zh==", "Zm9=", "Zg==Zg==", "-__-"})
        CHECK_FALSE(net::base64_decode(bad).has_value());
    for (const char* bad : {"Zg==", "Z", "Zh", "+//+", "Zm9vY"})
        CHECK_FALSE(net::base64_decode(bad, base64_alphabet::url).has_value());
}

TEST_CASE("base64 and percent: random bytes survive both ways", "[net]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 engine(seed);
    for (int round = 0; round < 300; ++round) {
        std::string bytes(engine() % 70, '\0');
        for (auto& each : bytes) each = static_cast<char>(engine());
        for (const auto alphabet : {base64_alphabet::standard, base64_alphabet::url})
            REQUIRE(net::base64_decode(net::base64_encode(core::as_bytes(bytes), alphabet), alphabet) == bytes);
        REQUIRE(net::percent_decode(net::percent_encode(bytes)) == bytes);
    }
}

TEST_CASE("percent: encodes for a path segment, decodes strictly", "[net]") {
    CHECK(net::percent_encode("a/b c+d~%\xc3\xa4") == "a%2Fb%20c%2Bd~%25%C3%A4");
    CHECK(net::percent_decode("a%2fb+c") == "a/b+c");
    CHECK(net::percent_decode("a+b", true) == "a b");
    for (const char* bad : {"%", "%2", "%zz", "a%2", "%%20"}) CHECK_FALSE(net::percent_decode(bad).has_value());
}

TEST_CASE("basic authorization: both ways, and what is refused", "[net]") {
    CHECK(net::basic_authorization("t0815/admin", "a:b") == "Basic dDA4MTUvYWRtaW46YTpi");
    const auto parsed = net::parse_basic_authorization("bAsIc  dDA4MTUvYWRtaW46YTpi");
    REQUIRE(parsed.has_value());
    CHECK(parsed->user == "t0815/admin");
    CHECK(parsed->password == "a:b");
    for (const char* bad : {"", "Basic", "Basic ", "Bearer abc", "Basic !!!!", "Basic Zm9v"})
        CHECK_FALSE(net::parse_basic_authorization(bad).has_value());
}
