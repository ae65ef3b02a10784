#include "common/ops/file_watch.hpp"
#include "tests/support/temp_dir.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;

struct watched {
    support::temp_dir directory;
    std::vector<std::string> told;
    ops::file_watch watch{[this](const std::string& group) { told.push_back(group); }};

    std::string path(const std::string& name) const { return (directory.path() / name).string(); }
    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path(name), std::ios::trunc) << text;
        return path(name);
    }
    /// As `mv`: the new file takes the place in one step.
    void replace(const std::string& name, const std::string& text) const {
        fs::rename(write(name + ".new", text), path(name));
    }
    std::size_t looks(int count) {
        told.clear();
        for (int i = 0; i < count; ++i) watch.look();
        return told.size();
    }
};

} // namespace

TEST_CASE("file_watch: a change is told once, when it is over", "[ops]") {
    watched at;
    at.watch.watch("users", {at.write("a.yaml", "one")});
    CHECK(at.looks(3) == 0);
    at.write("a.yaml", "longer");
    CHECK(at.looks(1) == 0); // seen, may not be over
    at.write("a.yaml", "longer still");
    CHECK(at.looks(1) == 0);
    CHECK(at.looks(1) == 1);
    CHECK(at.told == std::vector<std::string>{"users"});
    CHECK(at.looks(3) == 0);
}

TEST_CASE("file_watch: a file renamed into place, removed and there again", "[ops]") {
    watched at;
    at.watch.watch("users", {at.write("a.yaml", "one")});
    at.replace("a.yaml", "two"); // the same size, perhaps the same moment
    CHECK(at.looks(2) == 1);
    fs::remove(at.path("a.yaml"));
    CHECK(at.looks(2) == 1);
    at.write("a.yaml", "two");
    CHECK(at.looks(2) == 1);
}

TEST_CASE("file_watch: a swapped directory link, as Kubernetes does it", "[ops]") {
    watched at;
    fs::create_directory(at.path("v1"));
    fs::create_directory(at.path("v2"));
    at.write("v1/a.yaml", "one");
    at.write("v2/a.yaml", "two");
    fs::create_symlink("v1", at.path("..data"));
    fs::create_symlink("..data/a.yaml", at.path("a.yaml"));
    at.watch.watch("users", {at.path("a.yaml")});
    fs::create_symlink("v2", at.path("..tmp"));
    fs::rename(at.path("..tmp"), at.path("..data"));
    CHECK(at.looks(2) == 1);
}

TEST_CASE("file_watch: groups are told apart; several files of one are one change", "[ops]") {
    watched at;
    at.watch.watch("certificates", {at.write("a.pem", "1"), at.write("a.key", "1")});
    at.watch.watch("users", {at.write("users.yaml", "1")});
    at.replace("a.pem", "2");
    at.watch.look();
    at.replace("a.key", "2");
    CHECK(at.looks(1) == 0);
    CHECK(at.looks(1) == 1);
    CHECK(at.told.front() == "certificates");
}

TEST_CASE("file_watch: what was read meanwhile is not told again", "[ops]") {
    watched at;
    at.watch.watch("users", {at.write("a.yaml", "1")});
    at.replace("a.yaml", "2");
    at.watch.forget_changes("users");
    CHECK(at.looks(3) == 0);
    at.replace("a.yaml", "3");
    at.watch.watch("users", {at.path("a.yaml"), at.write("b.pem", "1")}); // the list grows: a.yaml is still news
    CHECK(at.looks(2) == 1);
    at.watch.watch("users", {});
    at.replace("a.yaml", "4");
    CHECK(at.looks(3) == 0);
}

TEST_CASE("file_watch: of many files each gets its turn", "[ops]") {
    watched at;
    std::vector<std::string> files;
    for (std::size_t i = 0; i < 2 * ops::file_watch::files_per_look; ++i)
        files.push_back(at.path("none-" + std::to_string(i)));
    at.watch.watch("users", files);
    at.write("none-" + std::to_string(files.size() - 1), "here");
    CHECK(at.looks(4) == 1);
}

TEST_CASE("file_watch: of many files the one that is being written is waited for, whoever's turn it is", "[ops]") {
    watched at;
    std::vector<std::string> files;
    for (std::size_t i = 0; i < 4 * ops::file_watch::files_per_look; ++i)
        files.push_back(at.path("none-" + std::to_string(i)));
    at.watch.watch("users", files);
    std::string text = "begun";
    at.write("none-0", text); // its turn is in the first look of four
    for (int i = 0; i < 4; ++i) {
        CHECK(at.looks(1) == 0);
        text += " and more";
        at.write("none-0", text);
    }
    CHECK(at.looks(1) == 0); // the last change is seen
    CHECK(at.looks(1) == 1);
    CHECK(at.looks(8) == 0);
}
