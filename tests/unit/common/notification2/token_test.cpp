#include "common/notification2/token.hpp"
#include "common/notification2/token_verifier.hpp"

#include "common/core/base64.hpp"
#include "tests/support/manual_clock.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace notification2;
using namespace std::string_literals;

namespace {

const signing_key& key() {
    static const signing_key made = signing_key::generate().value();
    return made;
}

token_claims example() {
    token_claims claims;
    claims.subscriber = "mapper1";
    claims.topic = {"t0815", "mqtt", "plant/line1/telemetry"};
    claims.id = "5c9b1ee2-6f3c-4b3d-9a25-08b0ac0f6a11";
    claims.issued_at_s = 1'767'225'600;
    claims.expires_at_s = 1'767'225'600 + 86'400;
    return claims;
}

std::string signed_token(std::string_view header, std::string_view payload) {
    std::string token = core::base64url_encode(header) + "." + core::base64url_encode(payload);
    return token + "." + core::base64url_encode(key().sign(token).value());
}

std::string part(const std::string& token, int number) {
    std::size_t at = 0;
    for (int i = 0; i < number; ++i) at = token.find('.', at) + 1;
    return token.substr(at, token.find('.', at) - at);
}

const std::string good_header = R"({"alg":"RS256"})";

} // namespace

TEST_CASE("token: claims as the original writes them", "[notification2][ref-C.4]") {
    auto claims = example();
    const std::string begin = R"({"sub":"mapper1","topic":"t0815/mqtt/plant%2Fline1%2Ftelemetry",)"
                              R"("jti":"5c9b1ee2-6f3c-4b3d-9a25-08b0ac0f6a11","iat":1767225600,"exp":1767312000)";
    CHECK(claims_json(claims) == begin + "}");
    claims.shared = true;
    claims.is_volatile = true;
    CHECK(claims_json(claims) == begin + R"(,"shared":"true","volatile":"true"})");
    const auto token = issue_token(claims, key()).value();
    CHECK(core::base64url_decode(part(token, 0)) == good_header);
    CHECK(core::base64url_decode(part(token, 1)) == claims_json(claims));
    CHECK(core::base64url_decode(part(token, 2))->size() == 256);
    CHECK(open_token(token, key()).value() == claims);
}

TEST_CASE("token: the payload reads the same in both Base64 alphabets", "[notification2][ref-C.4]") {
    for (const auto& name :
         {">>>???~~~"s, "\x7F\x7F\x7F\x7F"s, "\xC3\xBF\xC3\xBF\xC3\xBF"s, "\xF0\x9F\xBF\xBF\xEF\xBF\xBD"s, "a\"\\?\n"s})
        for (int shift = 0; shift < 3; ++shift) {
            auto claims = example();
            claims.subscriber = std::string(static_cast<std::size_t>(shift), 'x') + name;
            claims.topic.name = name;
            INFO(claims.subscriber);
            const auto token = issue_token(claims, key()).value();
            CHECK(part(token, 1).find_first_of("-_") == std::string::npos);
            CHECK(open_token(token, key()).value() == claims);
        }
}

TEST_CASE("token: an identifier is made when there is none", "[notification2]") {
    auto claims = example();
    claims.id.clear();
    const auto one = open_token(issue_token(claims, key()).value(), key()).value();
    const auto two = open_token(issue_token(claims, key()).value(), key()).value();
    CHECK(one.id.size() == 36);
    CHECK(one.id[14] == '4');
    CHECK(one.id != two.id);
}

TEST_CASE("token: hostile ones are refused by name", "[notification2]") {
    const auto good = issue_token(example(), key()).value();
    CHECK(open_token("", key()).error() == errc::malformed_token);
    CHECK(open_token("..", key()).error() == errc::malformed_token);
    CHECK(open_token(good + ".", key()).error() == errc::malformed_token);
    CHECK(open_token(good + "=", key()).error() == errc::malformed_token);
    CHECK(open_token(good + "\0"s, key()).error() == errc::malformed_token);
    CHECK(open_token(" " + good, key()).error() == errc::malformed_token);
    CHECK(open_token(std::string(token_bytes_max + 1, 'a'), key()).error() == errc::malformed_token);
    const auto payload = claims_json(example());
    for (const auto* header : {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"HS256"})", R"({"alg":"RS512"})",
                               R"({})", R"({"alg":null})", R"({"alg":["RS256"]})"}) {
        INFO(header);
        CHECK(open_token(signed_token(header, payload), key()).error() == errc::wrong_algorithm);
    }
    CHECK(open_token(core::base64url_encode(R"({"alg":"none"})") + "." + core::base64url_encode(payload) + ".", key())
              .error() == errc::wrong_algorithm);
    CHECK(open_token(part(good, 0) + "." + part(good, 1) + ".", key()).error() == errc::wrong_signature);
    CHECK(open_token(signed_token(R"({"alg":"RS256","crit":["b64"]})", payload), key()).error() ==
          errc::malformed_token);
    CHECK(open_token(signed_token(R"([])", payload), key()).error() == errc::malformed_token);
    CHECK(open_token(good, signing_key::generate().value()).error() == errc::wrong_signature);
    auto other = example();
    other.subscriber = "mapper2";
    const auto swapped = part(good, 0) + "." + core::base64url_encode(claims_json(other)) + "." + part(good, 2);
    CHECK(open_token(swapped, key()).error() == errc::wrong_signature);
}

TEST_CASE("token: claims that lack something or are of the wrong kind", "[notification2]") {
    const auto refuse = [](std::string_view payload) {
        INFO(payload);
        const auto opened = open_token(signed_token(good_header, payload), key());
        REQUIRE_FALSE(opened);
        return opened.error();
    };
    CHECK(refuse("") == errc::malformed_token);
    CHECK(refuse("[]") == errc::malformed_token);
    CHECK(refuse(R"({"sub":"a",})") == errc::malformed_token);
    CHECK(refuse(R"({})") == errc::bad_claims);
    CHECK(refuse(R"({"sub":"","topic":"t/mqtt/x","iat":1,"exp":2})") == errc::bad_claims);
    CHECK(refuse(R"({"sub":7,"topic":"t/mqtt/x","iat":1,"exp":2})") == errc::bad_claims);
    CHECK(refuse(R"({"sub":"a","topic":"t/mqtt/x","iat":1})") == errc::bad_claims);
    CHECK(refuse(R"({"sub":"a","topic":"t/mqtt/x","iat":"1","exp":2})") == errc::bad_claims);
    CHECK(refuse(R"({"sub":"a","topic":"t/mqtt/x","iat":1,"exp":1e99})") == errc::bad_claims);
    CHECK(refuse(R"({"sub":"a","topic":"t/mqtt/x","iat":1,"exp":2,"shared":true})") == errc::bad_claims);
    CHECK(refuse(R"({"sub":"a","topic":"t/mqtt/x","iat":1,"exp":2,"volatile":"yes"})") == errc::bad_claims);
    for (const auto* topic :
         {"", "t", "t/mqtt", "t/mqtt/", "/mqtt/x", "t//x", "t/mqtt/a/b", "t/mqtt/%", "t/mqtt/%00"}) {
        const auto payload = R"({"sub":"a","topic":")"s + topic + R"(","iat":1,"exp":2})";
        CHECK(refuse(payload) == errc::bad_topic_claim);
    }
}

TEST_CASE("token: a refresh may send the encoded name back", "[notification2][ref-B.1.2]") {
    const token_topic expected{"t0815", "mqtt", "plant/line1"};
    CHECK(requested_topic("t0815", "mqtt", "plant/line1") == expected);
    CHECK(requested_topic("t0815", "mqtt", "plant%2Fline1") == expected);
    CHECK(requested_topic("t0815", "mqtt", "plant%2fline1") == expected);
    CHECK(requested_topic("t0815", "mqtt", "100%/x").name == "100%/x");
    CHECK(requested_topic("t0815", "", "ops") == token_topic{"t0815", "relnotif", "ops"});
    CHECK(requested_topic("t0815", "notification", "ops").type == "relnotif");
    CHECK(parse_topic_claim(format_topic_claim(expected)).value() == expected);
}

TEST_CASE("token verifier: expiry is exact, also for remembered tokens", "[notification2]") {
    support::manual_clock clock;
    token_verifier verifier(key(), clock);
    const auto token = issue_token(example(), key()).value();
    CHECK(verifier.verify(token));
    CHECK(verifier.verify(token));
    CHECK(verifier.signatures_checked() == 1);
    clock.advance(std::chrono::seconds(86'399));
    CHECK(verifier.verify(token));
    clock.advance(std::chrono::seconds(1));
    CHECK(verifier.verify(token).error() == errc::token_expired);
    CHECK(verifier.remembered() == 0);
    CHECK(verifier.verify(token).error() == errc::token_expired);
    CHECK(verifier.verify(token + "A").error() == errc::wrong_signature);
}

TEST_CASE("token verifier: memory is bounded, the least used goes first", "[notification2]") {
    support::manual_clock clock;
    token_verifier::options with;
    with.remembered_max = 2;
    token_verifier verifier(key(), clock, with);
    auto claims = example();
    std::vector<std::string> tokens;
    for (const auto* name : {"a", "b", "c"}) {
        claims.subscriber = name;
        tokens.push_back(issue_token(claims, key()).value());
    }
    CHECK(verifier.verify(tokens[0]));
    CHECK(verifier.verify(tokens[1]));
    CHECK(verifier.verify(tokens[0]));
    CHECK(verifier.verify(tokens[2])); // pushes b out
    CHECK(verifier.remembered() == 2);
    CHECK(verifier.verify(tokens[0]));
    CHECK(verifier.signatures_checked() == 3);
    CHECK(verifier.verify(tokens[1])->subscriber == "b");
    CHECK(verifier.signatures_checked() == 4);
}

TEST_CASE("signing key: kept in a file, wrong files refused", "[notification2]") {
    const auto path = std::filesystem::temp_directory_path() / ("signing_key_" + std::to_string(::getpid()) + ".pem");
    std::filesystem::remove(path);
    const auto made = signing_key::load_or_create(path.string());
    REQUIRE(made);
    const auto again = signing_key::load_or_create(path.string());
    REQUIRE(again);
    CHECK(again->public_pem().value() == made->public_pem().value());
    CHECK(open_token(issue_token(example(), *made).value(), *again));
    CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::all) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    std::ofstream(path, std::ios::trunc) << "not a key";
    CHECK(signing_key::load_or_create(path.string()).error() == errc::bad_key);
    std::filesystem::remove(path);
    CHECK(signing_key::from_pem("").error() == errc::bad_key);
    CHECK(signing_key::from_pem(made->public_pem().value()).error() == errc::bad_key);
}
