#include "tests/platform/routes/multipart.hpp"

#include <catch2/catch.hpp>

using namespace platform_sim::routes;

namespace {

net::http_request form(std::string type, std::string body) {
    net::http_request made;
    made.headers.set("Content-Type", std::move(type));
    made.body = std::move(body);
    return made;
}

} // namespace

TEST_CASE("multipart: parts by name, with any bytes in them", "[platform][multipart]") {
    const auto http = form("Multipart/Form-Data; charset=utf-8; boundary=\"x y\"",
                           "--x y\r\nContent-Disposition: form-data; name=\"tenantId\"\r\n\r\nt0815\r\n"
                           "--x y\r\nContent-Type: text/plain\r\ncontent-disposition: form-data; "
                           "filename=\"a.pem\"; name=file\r\n\r\nline\r\n--x\r\n\r\n--x y--\r\n");
    REQUIRE(is_multipart(http));
    const auto parts = read_multipart(http);
    REQUIRE(parts);
    REQUIRE(parts->size() == 2);
    CHECK(find_part(*parts, "tenantId")->body == "t0815");
    CHECK(find_part(*parts, "file")->body == "line\r\n--x\r\n");
    CHECK(find_part(*parts, "filename") == nullptr);
}

TEST_CASE("multipart: malformed bodies", "[platform][multipart]") {
    CHECK_FALSE(is_multipart(form("application/json", "")));
    CHECK_FALSE(is_multipart(form("multi", "")));
    const std::string type = "multipart/form-data; boundary=b";
    CHECK(read_multipart(form(type, "--b--\r\n"))->empty());
    const auto bad = GENERATE(as<std::string>{}, "", "b", "--b", "--b\r\n",
                              "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx",       // no end
                              "--b\r\nContent-Disposition: form-data; name=a\r\nx\r\n--b--",  // no blank line
                              "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",      // no name
                              "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b" // no last boundary
    );
    CHECK_FALSE(read_multipart(form(type, bad)));
    CHECK_FALSE(read_multipart(form("multipart/form-data", "--b--")));
}
