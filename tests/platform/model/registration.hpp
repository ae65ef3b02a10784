// New device requests of all tenants (ref F.1). A device asks with nothing but its ID, so IDs are unique over tenants.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace platform_sim::model {

enum class registration_status { waiting_for_connection, pending_acceptance, accepted };
std::string_view name_of(registration_status status) noexcept;

struct registration {
    std::string id;
    std::string tenant;
    std::string owner; ///< the user who registered it
    std::string type;
    std::string group;
    std::int64_t created_ms = 0;
    registration_status status = registration_status::waiting_for_connection;
    std::optional<std::string> token; ///< what the device sent with its first request
};

class registration_book {
  public:
    /// False when the ID is registered in any tenant.
    bool add(registration added) { return by_id_.try_emplace(added.id, added).second; }
    /// Null when no tenant has it.
    registration* find(std::string_view id) {
        const auto found = by_id_.find(id);
        return found == by_id_.end() ? nullptr : &found->second;
    }
    void remove(const std::string& id) { by_id_.erase(id); }
    void clear() { by_id_.clear(); }
    const std::map<std::string, registration, std::less<>>& all() const noexcept { return by_id_; }

  private:
    std::map<std::string, registration, std::less<>> by_id_;
};

/// An ID becomes part of a user name, so it has neither blanks nor control characters nor one of `/ \ : + $`.
bool valid_device_id(std::string_view id) noexcept;

/// The request after the device asked once more: PENDING_ACCEPTANCE from the first time on. True when the device may
/// have its credentials: accepted, and the token is the one it came with first.
bool device_connects(registration& of, const std::optional<std::string>& token);

/// Empty, or why the operator's acceptance does not count. The token must be given when the device sent one, and only
/// then.
std::string_view accept(registration& of, const std::optional<std::string>& token);

/// 20 letters and digits.
std::string new_password();

} // namespace platform_sim::model
