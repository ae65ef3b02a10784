// What could not be mapped or was refused: the original message with the reason, on the tenant's kept topic
// `$dead/mapper`, so that a person can look at it and send it again. A message whose letter messaging would not keep is
// counted and logged, and let go: it must never block the next one (design §9). One per tenant.
#pragma once

#include "common/core/clock.hpp"
#include "common/record/record.hpp"
#include "mapper/uplink/link_router.hpp"
#include "mapper/uplink/meters.hpp"

#include <functional>
#include <string>

namespace mapper::uplink {

/// The door to messaging that tests replace.
using publish_function =
    std::function<void(const std::string& topic, const record::fields&, link_router::settled_handler)>;

struct dead_letter {
    std::string_view topic;
    std::string_view record;
    std::string_view mapping;
    std::string_view reason;  ///< `mapping`, `platform`, `unknown_device`
    std::string_view message; ///< for a person
    std::string_view request; ///< what the platform refused; may be empty
    unsigned status = 0;      ///< the platform's answer; 0: none
};

/// The letter as JSON: payload as text when it is UTF-8, else in Base64; cut when it would not fit a record.
std::string letter_json(const dead_letter& of, std::int64_t now_ms);

class dead_letters {
  public:
    static constexpr std::string_view topic = "$dead/mapper";

    dead_letters(std::string tenant, publish_function publish, const core::clock& time, tenant_meters& count)
        : tenant_(std::move(tenant)), publish_(std::move(publish)), clock_(time), count_(count) {}

    /// `then` is called when the letter is stored or given up.
    void add(const dead_letter& of, std::function<void()> then);

  private:
    std::string tenant_;
    publish_function publish_;
    const core::clock& clock_;
    tenant_meters& count_;
    core::steady_time next_log_{};
    std::uint64_t unlogged_ = 0;
};

} // namespace mapper::uplink
