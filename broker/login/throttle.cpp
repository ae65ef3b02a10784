#include "broker/login/throttle.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace broker::login {

throttle::throttle(const core::clock& clock, throttle_limits limits)
    : clock_(clock), limits_(limits), users_(limits.remembered_max), addresses_(limits.remembered_max) {}

bool throttle::user_waits(std::string_view user) { return waits(users_, user); }
bool throttle::address_waits(std::string_view address) { return waits(addresses_, address); }

bool throttle::waits(table& in, std::string_view key) const {
    if (in.empty()) return false;
    const failures* found = in.find(key);
    return found != nullptr && clock_.now() < found->waits_until;
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
    count(addresses_, address, limits_.failures_per_address);
}

void throttle::count(table& in, std::string_view key, std::uint32_t free) {
    if (free == 0) return;
    failures* one = in.use(key);
    if (one == nullptr) return;
    const auto now = clock_.now();
    if (one->count != 0 && now - one->last_at > limits_.window) *one = {};
    one->last_at = now;
    ++one->count;
    if (one->count <= free) return;
    constexpr std::uint32_t doublings_max = 20;
    const auto doublings = std::min(one->count - free - 1, doublings_max);
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

} // namespace broker::login
