#include "common/notification2/private_file.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace notification2;

namespace {

struct directory {
    std::string path;
    directory() {
        char name[] = "/tmp/private_file_XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
    }
    ~directory() { std::filesystem::remove_all(path); }
};

} // namespace

TEST_CASE("private file: created once, mode 0600, then read", "[notification2]") {
    const directory in;
    const auto path = in.path + "/secret";
    int made = 0;
    const auto make = [&]() -> core::result<std::string> { return "content " + std::to_string(++made); };
    CHECK(load_or_create_private_file(path, make).value() == "content 1");
    CHECK(load_or_create_private_file(path, make).value() == "content 1");
    CHECK(made == 1);
    struct ::stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(std::distance(std::filesystem::directory_iterator(in.path), {}) == 1);
}

TEST_CASE("private file: the first to create wins", "[notification2]") {
    const directory in;
    const auto path = in.path + "/secret";
    CHECK(create_private_file(path, "first").value() == "first");
    CHECK(create_private_file(path, "second").value() == "first");
}

TEST_CASE("private file: what cannot be read is an error and is not replaced", "[notification2]") {
    const directory in;
    const auto make = []() -> core::result<std::string> { return std::string("new"); };
    CHECK(read_private_file(in.path + "/absent").error() == errc::file_unreadable);
    CHECK(load_or_create_private_file(in.path, make).error() == errc::file_unreadable);
    CHECK(load_or_create_private_file(in.path + "/no/such/place", make).error() == errc::file_unwritable);
    std::ofstream(in.path + "/big") << std::string(100, 'x');
    CHECK(read_private_file(in.path + "/big", 99).error() == errc::file_unreadable);
    CHECK(read_private_file(in.path + "/big", 100));
}
