#include "mapper/expression/iso_time.hpp"
#include "mapper/expression/number_format.hpp"
#include "mapper/expression/text.hpp"

#include <catch2/catch.hpp>

using namespace mapper::expression;

namespace {

std::string written(double number) {
    std::string out;
    append_number(out, number);
    return out;
}
std::string written_15(double number) {
    std::string out;
    append_number_15(out, number);
    return out;
}

} // namespace

TEST_CASE("numbers are written as JavaScript writes them", "[expression]") {
    CHECK(written(0) == "0");
    CHECK(written(-0.0) == "0");
    CHECK(written(1e21) == "1e+21");
    CHECK(written(123456789012345680000.0) == "123456789012345680000");
    CHECK(written(1e-6) == "0.000001");
    CHECK(written(1.5e-7) == "1.5e-7");
    CHECK(written(-12.5) == "-12.5");
    CHECK(written(0.1 + 0.2) == "0.30000000000000004");
    CHECK(written_15(0.1 + 0.2) == "0.3");
    CHECK(written_15(112589990684262.5) == "112589990684263");
    CHECK(written_15(-112589990684262.5) == "-112589990684263");
    CHECK(written_15(1.0 / 3) == "0.333333333333333");
}

TEST_CASE("times: only a complete date, time and zone is taken as it stands", "[expression]") {
    CHECK(complete_iso_time("2026-02-03T10:15:30.000Z"));
    CHECK(complete_iso_time("2026-02-03T10:15:30+01:00"));
    CHECK_FALSE(complete_iso_time("2026-02-03T10:15:30"));
    CHECK_FALSE(complete_iso_time("2026-02-03"));
    CHECK_FALSE(complete_iso_time("2026-02-30T10:15:30Z"));
    CHECK_FALSE(complete_iso_time("2026-02-03T25:15:30Z"));
    CHECK_FALSE(complete_iso_time("2026-02-03T10:15:30Zx"));
    CHECK_FALSE(complete_iso_time(""));
    CHECK(parse_iso_time("2026-01-01T01:00:00+01:00") == 1'767'225'600'000);
}

TEST_CASE("text: UTF-8 checks, UTF-16 order, Base64", "[expression]") {
    CHECK(valid_utf8("a\xC3\xA9\xF0\x9F\x98\x80"));
    CHECK_FALSE(valid_utf8("\xC0\x80"));
    CHECK_FALSE(valid_utf8("\xED\xA0\x80"));
    CHECK_FALSE(valid_utf8("\xC3"));
    CHECK(compare_utf16("\xF0\x9F\x98\x80", "\xEF\xBF\xBF") < 0);
    CHECK(code_point_count("a\xF0\x9F\x98\x80") == 2);
    std::string out;
    CHECK(append_base64_decoded(out, "6Q=="));
    CHECK(out == "\xC3\xA9");
    CHECK_FALSE(append_base64_decoded(out, "a"));
    CHECK_FALSE(append_base64_decoded(out, "a b="));
}
