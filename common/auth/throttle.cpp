#include "common/auth/throttle.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace auth {

namespace {

/// How often the first delay must be doubled for the longest.
std::uint32_t doublings_to_max(const throttle_limits& limits) {
    std::uint32_t times = 0;
    for (auto delay = limits.first_delay; delay < limits.max_delay && times < 20; delay *= 2) ++times;
    return times;
}

} // namespace

throttle::throttle(const core::clock& clock, throttle_limits limits)
    : clock_(clock), limits_(limits), doublings_max_(doublings_to_max(limits)), users_(limits.remembered_max),
      addresses_(limits.remembered_max) {}

std::chrono::milliseconds throttle::wait(table& in, std::string_view key) const {
    if (in.empty()) return {};
    const failures* found = in.find(key);
    const auto now = clock_.now();
    if (found == nullptr || now >= found->waits_until) return {};
    return std::chrono::ceil<std::chrono::milliseconds>(found->waits_until - now);
}

bool throttle::begin(std::string_view user, std::string_view address) {
    const auto full = [](const under_way& of, std::string_view key, std::uint32_t most) {
        const auto found = of.find(std::string(key));
        return most != 0 && found != of.end() && found->second >= most;
    };
    if (full(users_under_way_, user, limits_.failures_per_user)) return false;
    if (full(addresses_under_way_, address, 4 * limits_.failures_per_address)) return false;
    ++users_under_way_[std::string(user)];
    ++addresses_under_way_[std::string(address)];
    return true;
}

void throttle::ended(std::string_view user, std::string_view address) {
    one_less(users_under_way_, user);
    one_less(addresses_under_way_, address);
}

void throttle::one_less(under_way& of, std::string_view key) {
    const auto found = of.find(std::string(key));
    if (found != of.end() && --found->second == 0) of.erase(found);
}

void throttle::failed(std::string_view user, std::string_view address) {
    if (!user.empty()) count(users_, user, limits_.failures_per_user);
    if (!address.empty()) count(addresses_, address, limits_.failures_per_address);
}

void throttle::count(table& in, std::string_view key, std::uint32_t free) {
    if (free == 0) return;
    failures* one = in.use(key);
    if (one == nullptr) return;
    const auto now = clock_.now();
    if (one->level > 0) {
        using seconds = std::chrono::duration<double>;
        const double forgiven = seconds(now - one->last_at) / seconds(limits_.window) * free;
        one->level = std::max(0.0, one->level - forgiven);
    }
    // No higher than what the longest delay takes: how many came at once does not lengthen the way back.
    one->level = std::min(one->level + 1, static_cast<double>(free) + 1 + doublings_max_);
    one->last_at = now;
    const auto failed = static_cast<std::uint32_t>(std::lround(one->level));
    if (failed <= free) return;
    const auto doublings = std::min(failed - free - 1, doublings_max_);
    one->waits_until = now + std::min(limits_.max_delay, limits_.first_delay * (1u << doublings));
}

void throttle::succeeded(std::string_view user) {
    if (!users_.empty()) users_.forget(user);
}

std::string address_key(std::string_view remote) {
    const auto colon = remote.rfind(':');
    std::string host(remote.substr(0, colon));
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    in6_addr six{};
    if (::inet_pton(AF_INET6, host.c_str(), &six) != 1) return host;
    if (IN6_IS_ADDR_V4MAPPED(&six)) {
        char text[INET_ADDRSTRLEN] = {};
        in_addr four{};
        std::memcpy(&four, six.s6_addr + 12, sizeof four);
        ::inet_ntop(AF_INET, &four, text, sizeof text);
        return text;
    }
    std::memset(six.s6_addr + 8, 0, 8);
    char text[INET6_ADDRSTRLEN] = {};
    ::inet_ntop(AF_INET6, &six, text, sizeof text);
    return std::string(text) + "/64";
}

} // namespace auth
