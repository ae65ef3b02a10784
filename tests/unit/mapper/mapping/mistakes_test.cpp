// tests/mapper/mistakes holds a bad file per mistake; messages.txt is what each must be told, line for line.
#include "mapper/mapping/mapping_loader.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

TEST_CASE("loader: every mistake has its exact message", "[mapping]") {
    std::vector<std::filesystem::path> files;
    for (const auto& one : std::filesystem::directory_iterator(MISTAKES))
        if (one.path().extension() == ".yaml") files.push_back(one.path());
    std::sort(files.begin(), files.end());
    REQUIRE(files.size() >= 20);
    std::string got;
    for (const auto& file : files) {
        std::ifstream in(file);
        std::stringstream text;
        text << in.rdbuf();
        const auto loaded = mapper::mapping::load_mapping(text.str(), file.filename().string(), "t1");
        INFO(file);
        CHECK_FALSE(loaded.complaints.empty());
        CHECK(loaded.made == nullptr);
        for (const auto& one : loaded.complaints) got += one.text() + "\n";
    }
    std::ifstream in(std::string(MISTAKES) + "/messages.txt");
    std::stringstream expected;
    expected << in.rdbuf();
    if (got != expected.str()) std::ofstream("messages.got.txt") << got;
    CHECK(got == expected.str());
}
