#include "messaging/admin/listing.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace messaging::admin;

namespace {

net::http_request request(std::string target) {
    net::http_request made;
    REQUIRE(net::parse_target(target, made));
    return made;
}

constexpr sort_column columns[] = {{"name", 0}, {"backlogBytes", 7}};

} // namespace

TEST_CASE("listing: a query has the platform's paging, and defaults", "[admin]") {
    list_query read;
    REQUIRE(read_list_query(request("/x"), columns, read) == "");
    CHECK(read.page == 1);
    CHECK(read.page_size == 100);
    CHECK(read.first() == 0);
    REQUIRE(
        read_list_query(request("/x?currentPage=3&pageSize=50&sort=-backlogBytes&name=a*&unsafe=true&namespace=mqtt"),
                        columns, read) == "");
    CHECK(read.first() == 100);
    CHECK(read.sort == 7);
    CHECK(read.descending);
    CHECK(read.only_unsafe);
    CHECK(read.name == "a*");
    CHECK(read.name_space == "mqtt");
    REQUIRE(read_list_query(request("/x?pageSize=100000"), columns, read) == "");
    CHECK(read.page_size == list_query::page_size_max);
}

TEST_CASE("listing: a mistake in the query is told with its parameter", "[admin]") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"currentPage=0", "currentPage"},  {"currentPage=", "currentPage"},
        {"currentPage=-1", "currentPage"}, {"pageSize=ten", "pageSize"},
        {"pageSize=1x", "pageSize"},       {"sort=size", "backlogBytes"},
        {"sort=-", "backlogBytes"},        {"currentPage=1000001", "too large"},
        {"unsafe=yes", "unsafe"},          {"currentPage=99999999999999999999999999", "too large"},
    };
    for (const auto& [query, word] : cases) {
        list_query read;
        INFO(query);
        CHECK_THAT(read_list_query(request("/x?" + query), columns, read), Catch::Contains(word));
    }
}

TEST_CASE("listing: * in a pattern stands for any text, everything else for itself", "[admin]") {
    CHECK(matches_pattern("a/b", "a/b"));
    CHECK_FALSE(matches_pattern("a/b", "a/bc"));
    CHECK(matches_pattern("*", ""));
    CHECK(matches_pattern("a*", "a"));
    CHECK(matches_pattern("*temp*", "site/temperature"));
    CHECK_FALSE(matches_pattern("*temp", "site/temperature"));
    CHECK(matches_pattern("a*b*c", "axxbyybzzc"));
    CHECK_FALSE(matches_pattern("a*b*c", "axxbyybzz"));
    CHECK(matches_pattern("**x", "xx"));
    CHECK_FALSE(matches_pattern("", "x"));
    CHECK(matches_pattern("+/#", "+/#"));
    // No pattern takes more than stars times length.
    CHECK_FALSE(matches_pattern("a*a*a*a*a*a*a*a*b", std::string(20'000, 'a')));
}

TEST_CASE("listing: rows of many runs come in one order", "[admin]") {
    const bool descending = GENERATE(false, true);
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    std::vector<std::pair<double, std::string>> expected;
    row_sorter rows(descending);
    for (int i = 0; i < 7'001; ++i) {
        row one;
        one.number = static_cast<double>(random() % 100);
        one.name = "t" + std::to_string(random());
        expected.emplace_back(one.number, one.name);
        rows.add(std::move(one));
    }
    std::sort(expected.begin(), expected.end());
    if (descending) std::reverse(expected.begin(), expected.end());
    rows.finish();
    CHECK(rows.size() == expected.size());
    row one;
    std::vector<std::pair<double, std::string>> got;
    while (rows.next(one)) got.emplace_back(one.number, one.name);
    CHECK(got == expected);
    CHECK_FALSE(rows.next(one));
}

TEST_CASE("listing: an empty list has one empty page", "[admin]") {
    row_sorter rows(false);
    rows.finish();
    row one;
    CHECK_FALSE(rows.next(one));
    list_query query;
    core::json_writer out;
    append_paging(out.object(), request("/x?name=a%2Fb"), query, 0);
    CHECK(std::move(out.end()).text() ==
          R"({"statistics":{"currentPage":1,"pageSize":100,"totalPages":0,"totalElements":0},"self":"/x?name=a%2Fb"})");
}

TEST_CASE("listing: the next page keeps the rest of the query", "[admin]") {
    list_query query;
    query.page_size = 10;
    core::json_writer out;
    append_paging(out.object(), request("/x?currentPage=1&pageSize=10&name=a%2Fb"), query, 11);
    CHECK_THAT(std::move(out.end()).text(), Catch::Contains(R"("next":"/x?currentPage=2&pageSize=10&name=a%2Fb")"));
}
