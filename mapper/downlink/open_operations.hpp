// Operations that were published and wait for an answer, a time-out or the end of their life, kept in messaging's keyed
// state (`operation/<id>`), so that a restart forgets nothing. One per tenant; one thread.
#pragma once

#include "common/core/clock.hpp"
#include "mapper/transform/outcome.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mapper::downlink {

struct operation {
    transform::open_operation open;
    std::string mapping;
    bool published = false;      ///< messaging has the command
    std::int64_t expires_ms = 0; ///< Unix milliseconds; 0: never
    std::string timeout_status;
    std::string timeout_reason;
    bool ending = false; ///< its last status is on its way to the platform
};

/// As JSON, and back; empty when the text is none of ours.
std::string to_state(const operation& of);
std::optional<operation> from_state(std::string_view text);

/// The door to messaging's keyed state that tests replace. No value: delete.
using put_function =
    std::function<void(std::string key, std::optional<std::string> value, std::function<void(bool ok)> then)>;

class open_operations {
  public:
    static constexpr std::string_view key_prefix = "operation/";
    explicit open_operations(put_function put) : put_(std::move(put)) {}

    /// From the state, at start.
    void restore(operation one);
    /// Remembers; `then` is called when it is durable or was refused.
    void keep(std::shared_ptr<operation> one, std::function<void(bool ok)> then);
    void forget(const std::string& id);

    std::shared_ptr<operation> find(const std::string& id) const;
    /// Of one mapping, published, not ending.
    std::vector<std::shared_ptr<operation>> waiting_for(std::string_view mapping) const;
    std::vector<std::shared_ptr<operation>> expired(std::int64_t now_ms) const;
    std::size_t size() const noexcept { return all_.size(); }

  private:
    put_function put_;
    std::map<std::string, std::shared_ptr<operation>, std::less<>> all_;
};

} // namespace mapper::downlink
