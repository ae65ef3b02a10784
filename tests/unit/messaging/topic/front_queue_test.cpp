#include "messaging/topic/front_queue.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <random>

TEST_CASE("front queue: does what a deque does", "[topic][property]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    messaging::topic::front_queue<int> queue;
    std::deque<int> expected;
    for (int step = 0; step < 50'000; ++step) {
        // Long phases of growth and of shrinking, so that gaps are closed and memory is given back.
        const bool grows = (step / 5'000) % 2 == 0;
        const auto what = random() % 10;
        if (what < (grows ? 7U : 2U)) {
            queue.push_back(step);
            expected.push_back(step);
        } else if (what < 8) {
            if (expected.empty()) continue;
            queue.pop_front();
            expected.pop_front();
        } else if (!expected.empty()) {
            const auto at = static_cast<std::ptrdiff_t>(random() % expected.size());
            if (what == 8) {
                queue.insert(queue.begin() + at, -step);
                expected.insert(expected.begin() + at, -step);
            } else {
                queue.erase(queue.begin() + at);
                expected.erase(expected.begin() + at);
            }
        }
        REQUIRE(queue.size() == expected.size());
        if (!expected.empty()) {
            REQUIRE(queue.front() == expected.front());
            REQUIRE(queue.back() == expected.back());
        }
        if (step % 1'000 == 0) REQUIRE(std::equal(queue.begin(), queue.end(), expected.begin(), expected.end()));
    }
}
