// A platform in memory behind `platform::rest`: answers in later turns of the loop, fails on demand, and remembers what
// it accepted in the order it did.
#pragma once

#include "common/async/tokens.hpp"
#include "common/core/percent.hpp"
#include "common/platform/rest.hpp"
#include "mapper/api/answer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace fake {

namespace asio = boost::asio;

class platform final : public ::platform::rest {
  public:
    struct stored {
        std::string source;
        std::string body;
    };

    asio::awaitable<::platform::reply> send(::platform::call what) override {
        ++calls[std::string(what.route)];
        ++running;
        running_most = std::max(running_most, running);
        const auto executor = co_await asio::this_coro::executor;
        // A number of turns that depends on the seed, so that requests overtake each other.
        const auto turns = 1 + random() % 5;
        for (unsigned i = 0; i < turns; ++i) co_await asio::post(executor, asio::use_awaitable);
        while (held) co_await asio::post(executor, asio::use_awaitable);
        --running;
        if (fail_percent > 0 && random() % 100 < fail_percent) {
            const bool took = random() % 2 == 0 && lost_answers; // accepted, but nobody hears of it
            if (took) (void)answer(what);
            co_return refusal(random() % 2 == 0 ? 503 : 0, "fake/Broken");
        }
        co_return answer(what);
    }

    static ::platform::reply refusal(unsigned status, std::string error) {
        ::platform::reply made;
        made.status = status;
        made.problem.status = status;
        made.problem.error = std::move(error);
        made.problem.retryable = ::platform::retryable(status);
        return made;
    }

    std::mt19937 random{1};
    unsigned fail_percent = 0;
    bool lost_answers = false;
    bool held = false;
    std::map<std::string, std::string> bound; ///< external ID to object
    std::map<std::string, std::string> objects;
    std::vector<stored> measurements;
    std::vector<stored> events;
    std::vector<stored> alarms;
    bool refuse_alarms = false;
    std::map<std::string, int> calls;
    std::vector<std::string> deleted;
    std::function<void()> before_bind;
    int running = 0;
    int running_most = 0;
    std::size_t largest_collection = 0;

  private:
    static ::platform::reply success(unsigned status, std::string body = {}) {
        ::platform::reply made;
        made.status = status;
        made.body = std::move(body);
        return made;
    }

    ::platform::reply answer(const ::platform::call& what) {
        if (what.route == "identity_get") return find(what.path);
        if (what.route == "identity_bind") return bind(what);
        if (what.route == "inventory_create") {
            const auto id = std::to_string(++last_id_);
            objects[id] = what.body;
            return success(201, R"({"id":")" + id + R"("})");
        }
        if (what.route == "inventory_delete") {
            const auto id = what.path.substr(what.path.rfind('/') + 1);
            deleted.push_back(id);
            objects.erase(id);
            return success(204);
        }
        if (what.route == "measurements_create") return measure(what);
        if (what.route == "event_create") {
            events.push_back({mapper::api::text_at(what.body, "/source/id"), what.body});
            return success(201);
        }
        if (what.route == "alarm_create") {
            const auto source = mapper::api::text_at(what.body, "/source/id");
            if (refuse_alarms || !objects.contains(source)) return refusal(422, "alarm/Invalid");
            alarms.push_back({source, what.body});
            return success(201);
        }
        if (what.route == "alarm_find") return success(200, R"({"alarms":[]})");
        return success(what.method == "POST" ? 201 : 200, "{}");
    }

    ::platform::reply find(const std::string& path) {
        const auto id = core::percent_decode(path.substr(path.rfind('/') + 1)).value();
        const auto found = bound.find(id);
        if (found == bound.end()) return refusal(404, "identity/Not Found");
        return success(200, R"({"managedObject":{"id":")" + found->second + R"("}})");
    }

    ::platform::reply bind(const ::platform::call& what) {
        if (before_bind) std::exchange(before_bind, {})();
        const auto external = mapper::api::text_at(what.body, "/externalId");
        const auto begin = std::string_view("/identity/globalIds/").size();
        const auto object = what.path.substr(begin, what.path.find('/', begin) - begin);
        if (!bound.emplace(external, object).second) return refusal(409, "identity/Duplicate");
        return success(201);
    }

    ::platform::reply measure(const ::platform::call& what) {
        const auto items = mapper::api::items_of(what.body, "measurements");
        largest_collection = std::max(largest_collection, items.size());
        if (items.empty()) return refusal(400, "measurement/Malformed");
        for (const auto& one : items)
            if (one.find("\"bad\"") != std::string::npos || !objects.contains(mapper::api::text_at(one, "/source/id")))
                return refusal(422, "measurement/Invalid");
        for (const auto& one : items) measurements.push_back({mapper::api::text_at(one, "/source/id"), one});
        return success(201);
    }

    std::uint64_t last_id_ = 100;
};

/// Runs the loop until `done` or 20 s have passed; false then.
inline bool run_until(asio::io_context& loop, const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        loop.restart();
        loop.run_one_for(std::chrono::milliseconds(100));
    }
    return true;
}

} // namespace fake
