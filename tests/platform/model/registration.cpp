#include "tests/platform/model/registration.hpp"

#include <random>

namespace platform_sim::model {

std::string_view name_of(registration_status status) noexcept {
    switch (status) {
    case registration_status::waiting_for_connection: return "WAITING_FOR_CONNECTION";
    case registration_status::pending_acceptance: return "PENDING_ACCEPTANCE";
    case registration_status::accepted: break;
    }
    return "ACCEPTED";
}

bool valid_device_id(std::string_view id) noexcept {
    for (const char c : id)
        if (static_cast<unsigned char>(c) <= ' ' || std::string_view("/\\:+$\x7f").find(c) != std::string_view::npos)
            return false;
    return !id.empty();
}

bool device_connects(registration& of, const std::optional<std::string>& token) {
    if (of.status == registration_status::waiting_for_connection) {
        of.status = registration_status::pending_acceptance;
        of.token = token;
        return false;
    }
    return of.status == registration_status::accepted && of.token == token;
}

std::string_view accept(registration& of, const std::optional<std::string>& token) {
    if (of.status == registration_status::waiting_for_connection) return "The device has not connected yet";
    if (of.token != token) return "The security token is not the one the device sent";
    of.status = registration_status::accepted;
    return {};
}

std::string new_password() {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    std::random_device random;
    std::uniform_int_distribution<std::size_t> which(0, letters.size() - 1);
    std::string made;
    for (int i = 0; i < 20; ++i) made.push_back(letters[which(random)]);
    return made;
}

} // namespace platform_sim::model
