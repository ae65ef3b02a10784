#include "tests/property/messaging/seeds.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <vector>

namespace property {

namespace {

std::uint64_t number_from(const std::string& name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name.c_str());
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Lines "NAME seed"; everything behind `#` is a remark.
std::vector<std::uint64_t> regression_seeds(const std::string& name) {
    std::vector<std::uint64_t> found;
    std::ifstream file(REGRESSION_SEEDS);
    REQUIRE(file.good());
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string which;
        std::uint64_t seed = 0;
        if (words >> which >> seed && which == name) found.push_back(seed);
    }
    return found;
}

void check(const std::string& name, std::uint64_t seed, const std::function<std::string(std::uint64_t)>& run) {
    const std::string complaint = run(seed);
    INFO(name << "_SEED=" << seed << " " << name << "_RUNS=1");
    REQUIRE(complaint == "");
}

} // namespace

void each_seed(const std::string& name, std::uint64_t runs_by_default,
               const std::function<std::string(std::uint64_t)>& run) {
    const bool chosen = std::getenv((name + "_SEED").c_str()) != nullptr;
    if (!chosen)
        for (const auto seed : regression_seeds(name)) check(name, seed, run);
    const auto first = number_from(name + "_SEED", number_from(name + "_FIRST", std::random_device{}()));
    const auto runs = number_from(name + "_RUNS", runs_by_default);
    const auto progress = number_from(name + "_PROGRESS", 0);
    std::printf("%s: seeds %llu to %llu\n", name.c_str(), static_cast<unsigned long long>(first),
                static_cast<unsigned long long>(first + runs - 1));
    const auto begun = std::chrono::steady_clock::now();
    for (std::uint64_t done = 0; done < runs; ++done) {
        check(name, first + done, run);
        if (progress == 0 || (done + 1) % progress != 0) continue;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        std::printf("%s: %llu of %llu runs, %.0f a second\n", name.c_str(), static_cast<unsigned long long>(done + 1),
                    static_cast<unsigned long long>(runs), static_cast<double>(done + 1) / took.count());
        std::fflush(stdout);
    }
}

} // namespace property
